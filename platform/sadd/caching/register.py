"""The namespaces that an agency has put something into, in the store: for its bound, and for who looks.

``cache:{<agency>}:spaces`` is a set of at most NAMESPACES_MAX names. It is a list to look through, not the
truth about what is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

from cache.store import StoreUnavailable

NAMESPACES_MAX = 256
"""Of one agency, those of the caching proxy not counted."""


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    source: bytes


class Client(Protocol):
    """What is asked of the store's client."""

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


class Register:
    """Each operation may be repeated without harm, and raises StoreUnavailable."""

    def __init__(self, client: Client, *, namespaces_max: int = NAMESPACES_MAX) -> None:
        self._client = client
        self.namespaces_max = namespaces_max
        self._enter = Script("caching.enter", files("sadd.caching").joinpath("enter.lua").read_bytes())

    async def enter(self, agency: str, namespace: str) -> bool:
        """Note the namespace. False: the agency has as many as it may."""
        args = (namespace, self.namespaces_max)
        try:
            return bool(await self._client.run(self._enter, (_name(agency),), args, repeat_safe=True))
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone

    async def names(self, agency: str) -> list[str]:
        return sorted(name.decode() for name in await self._command("SMEMBERS", agency))

    async def strike(self, agency: str, namespace: str) -> None:
        """Forget the namespace."""
        await self._command("SREM", agency, namespace)

    async def _command(self, word: str, agency: str, *more: str) -> Any:
        name = _name(agency)
        try:
            return await self._client.command(word, name, *more, key=name, repeat_safe=True)
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone


def _name(agency: str) -> bytes:
    return f"cache:{{{agency}}}:spaces".encode()
