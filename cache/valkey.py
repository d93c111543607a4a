"""The store on Valkey: one string for each entry, ``cache:{<tenant>:<namespace>:<key>}``."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

from cache.address import Address
from cache.entry import Content, Entry
from cache.policy import Times
from cache.store import StoreUnavailable


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    source: bytes


class Client(Protocol):
    """What this module needs of the store's client."""

    async def run(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[bytes | int | str],
        *,
        repeat_safe: bool = False,
    ) -> Any: ...

    async def command(
        self, *words: bytes | int | str, key: bytes | None = None, repeat_safe: bool = False
    ) -> Any: ...


class ValkeyStore:
    """``cache.store.Store`` on one client. Every operation may be repeated without harm."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lookup = _script("lookup")
        self._fill = _script("fill")

    async def lookup(self, address: Address, now_ms: int | None = None) -> Entry | None:
        found = await self._run(self._lookup, address, _now(now_ms))
        if found is None:
            return None
        return _unpacked(found[0])

    async def fill(self, address: Address, content: Content, times: Times, now_ms: int | None = None) -> int:
        kind = content.content_type.encode()
        packed = bytes((len(kind),)) + kind + content.body
        return int(await self._run(self._fill, address, _now(now_ms), times.soft_ms, times.hard_ms, packed))

    async def remove(self, address: Address) -> bool:
        name = _name(address)
        try:
            return bool(await self._client.command("UNLINK", name, key=name, repeat_safe=True))
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone

    async def _run(self, script: Script, address: Address, *args: bytes | int | str) -> Any:
        try:
            return await self._client.run(script, (_name(address),), args, repeat_safe=True)
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone


def _name(address: Address) -> bytes:
    return f"cache:{{{address.tenant}:{address.namespace}:{address.key}}}".encode()


def _unpacked(stored: bytes) -> Entry | None:
    """None for what another version wrote: not ours to read, soon expired or overwritten."""
    if len(stored) < 20 or stored[0] != 1:
        return None
    born, soft, hard = (int.from_bytes(stored[at : at + 6], "big") for at in (1, 7, 13))
    body_at = 20 + stored[19]
    return Entry(Content(stored[body_at:], stored[20:body_at].decode("ascii")), born, soft, hard)


def _now(now_ms: int | None) -> int | str:
    return "" if now_ms is None else now_ms


def _script(operation: str) -> Script:
    return Script(f"cache.{operation}", files("cache").joinpath(f"{operation}.lua").read_bytes())
