"""The store on Valkey: scripts on the keys of a namespace (see ``namespace.lua``)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

from cache.answers import Full, Stored, Superseded, Usage
from cache.codec import Codec
from cache.entry import Content
from cache.policy import Times
from cache.space import Space
from cache.store import Asked, Seen, StoreUnavailable


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    source: bytes


class Client(Protocol):
    """What this module needs of the store's client. ``stamped`` puts the server's incarnation in front."""

    async def run(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[bytes | int | str],
        *,
        repeat_safe: bool = False,
        stamped: bool = False,
    ) -> Any: ...

    async def command(
        self, *words: bytes | int | str, key: bytes | None = None, repeat_safe: bool = False
    ) -> Any: ...


USED = slice(40, 48)
"""Where the bytes of living entries stand in ``g`` (see ``namespace.lua``)."""


class ValkeyStore:
    """``cache.store.Store`` on one client. Every question may be repeated without harm."""

    def __init__(self, client: Client, codec: Codec | None = None) -> None:
        self._client = client
        self._codec = codec or Codec()
        self._lookup = _script("lookup")
        self._lease = _script("lease")
        self._hold = _script("hold")
        self._fill = _script("fill", "counted")
        self._purge = _script("purge", "counted")

    async def lookup(
        self, space: Space, keys: Sequence[str], now_ms: int | None = None
    ) -> tuple[int, list[Seen]]:
        places = [space.place(key) for key in keys]
        now, *found = await self._run(self._lookup, space, places, _now(now_ms))
        parts = zip(places, found[::3], found[1::3], found[2::3], strict=True)
        return now, [self._seen(space, *part) for part in parts]

    async def lease(
        self, space: Space, key: str, lease_ms: int, *, early: bool = False, now_ms: int | None = None
    ) -> Asked:
        place = space.place(key)
        args = (_now(now_ms), lease_ms, int(early), secrets.token_bytes(6).hex())
        found = await self._run(self._lease, space, (place, space.lease_place(key)), *args)
        return Asked(found[0], self._seen(space, place, *found[1:4]), *found[4:7])

    async def hold(
        self,
        space: Space,
        key: str,
        token: int,
        lease_ms: int,
        *,
        open_ms: int = 0,
        now_ms: int | None = None,
    ) -> bool:
        args = (_now(now_ms), token, lease_ms, open_ms, key)
        return bool(await self._run(self._hold, space, (space.lease_place(key),), *args))

    async def fill(
        self,
        space: Space,
        key: str,
        token: int | None,
        content: Content,
        times: Times,
        *,
        cost_ms: int = 0,
        now_ms: int | None = None,
    ) -> Stored | Superseded | Full:
        place = space.place(key)
        packed = self._codec.packed(space, place, content)
        life = (times.soft_ms, times.hard_ms, times.error_ms, times.keep_ms, min(cost_ms, 0xFFFFFFFF))
        args = (_now(now_ms), "" if token is None else token, *life, packed.flags, packed.tags)
        bounds = (space.bytes_max, space.entries_max, int(space.evicts))
        places = (place, space.lease_place(key))
        word, *rest = await self._run(self._fill, space, places, *args, packed.payload, key, *bounds)
        if word == b"stored":
            return Stored(int(rest[0]), int(rest[1]))
        if word == b"full":
            return Full(rest[0], space.bytes_max, rest[1], space.entries_max)
        return Superseded()

    async def purge(
        self,
        space: Space,
        keys: Sequence[str],
        tags: Sequence[str],
        *,
        everything: bool = False,
        soft: bool = False,
        now_ms: int | None = None,
    ) -> tuple[int, int]:
        places = [place for key in keys for place in (space.place(key), space.lease_place(key))]
        args = (_now(now_ms), int(soft), int(everything), len(keys), *keys, *tags)
        stamp, found = await self._run(self._purge, space, places, *args)
        return int(stamp), found

    async def peek(self, space: Space, key: str, now_ms: int | None = None) -> Asked:
        now, (seen,) = await self.lookup(space, (key,), now_ms)
        place = space.lease_place(key)
        held = await self._command("GET", place, key=place)
        word, ends, _ = held.split(b":", 2) if held else (b"", b"0", b"")
        if word != b"u":
            return Asked(now, seen, ends_ms=int(ends))
        return Asked(now, seen, open_until_ms=int(held.split(b":")[2]))

    async def usage(self, space: Space) -> Usage:
        place = space.prefix
        entries = await self._command("ZCARD", place + b"x", key=place)
        state = await self._command("GET", place + b"g", key=place)
        tags = await self._command("ZCARD", place + b"t", key=place)
        return Usage(entries, int.from_bytes(state[USED], "big") if state else 0, tags)

    def _seen(self, space: Space, place: bytes, verdict: bytes, stored: bytes | None, sooner_ms: int) -> Seen:
        if stored is None:
            return Seen(verdict.decode())
        entry = self._codec.entry(space, place, stored, sooner_ms)
        return Seen("unreadable") if entry is None else Seen(verdict.decode(), entry)

    async def _run(
        self, script: Script, space: Space, places: Sequence[bytes], *args: bytes | int | str
    ) -> Any:
        keys = (space.prefix + b"g", *places)
        try:
            return await self._client.run(script, keys, args, repeat_safe=True, stamped=True)
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone

    async def _command(self, *words: bytes | str, key: bytes) -> Any:
        try:
            return await self._client.command(*words, key=key, repeat_safe=True)
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone


def _now(now_ms: int | None) -> int | str:
    return "" if now_ms is None else now_ms


def _script(operation: str, *before: str) -> Script:
    """What scripts share stands in front of each: the store knows no modules."""
    parts = ("namespace", *before, operation)
    folder = files("cache")
    source = b"\n".join(folder.joinpath(f"{part}.lua").read_bytes() for part in parts)
    return Script(f"cache.{operation}", source)
