"""The hot store on Valkey: a string for each session, a sorted set for each subject; see ``record.lua``."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any, Protocol

from sadd.session.ids import DIGEST_CHARACTERS, Names, subject_key
from sadd.session.policy import SessionPolicy
from sadd.session.record import DURABLE
from sadd.session.store import (
    PAGE_SESSIONS,
    Foreign,
    Full,
    Legacy,
    Moved,
    Reading,
    Stored,
    StoreUnavailable,
    VersionConflict,
)

ON_RECORD = ("create", "read", "update", "rotate", "end", "end_all", "page", "complete", "doubt")
AWAY = (ConnectionError, TimeoutError)

Word = bytes | int | str


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    source: bytes


class Batch(Protocol):
    """Gathers the questions of a tick; ``done`` gets the values of the question's keys, or the failure."""

    def post(
        self,
        keys: Sequence[bytes],
        shared: tuple[Word, ...],
        own: Sequence[Word],
        done: Callable[[Any], None],
    ) -> None: ...


class Client(Protocol):
    """What this module needs of the store's client."""

    async def run(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[Word],
        *,
        repeat_safe: bool = False,
        stamped: bool = False,
    ) -> Any: ...

    def batch(
        self, script: Script, *, width: int, repeat_safe: bool = False, stamped: bool = False
    ) -> Batch: ...


def _dice() -> int:
    return int(random.random() * 1000)  # noqa: S311  # no secret: when a dead record leaves the store


class ValkeyStore:
    """``sadd.session.store.Store`` on one client. ``dice`` gives 0 to 999."""

    def __init__(self, client: Client, dice: Callable[[], int] = _dice) -> None:
        self._client = client
        self._dice = dice
        folder = files("sadd.session")
        prelude = folder.joinpath("record.lua").read_bytes()
        self._scripts = {
            name: Script(f"session.{name}", _bare(prelude + folder.joinpath(f"{name}.lua").read_bytes()))
            for name in ON_RECORD
        }
        self._reads = client.batch(self._scripts["read"], width=4, repeat_safe=True, stamped=True)
        self._charge = Script("session.charge", folder.joinpath("charge.lua").read_bytes())

    async def create(
        self, names: Names, policy: SessionPolicy, tail: bytes, now_ms: int | None = None
    ) -> Stored | Full:
        times = (policy.idle_ms, policy.absolute_ms, policy.touch_ms)
        flags = DURABLE if policy.durable else 0
        args = (*times, flags, policy.grace_ms, tail, policy.parallel_max)
        answer = await self._on("create", names, now_ms, *args)
        if answer[0] == b"full":
            return Full(answer[1], tuple(digest.decode() for digest in answer[2:]))
        return Stored(*answer)

    async def read(self, names: Names, *, use: bool, now_ms: int | None = None) -> Stored | Moved | None:
        answer: asyncio.Future[Stored | Moved | None] = asyncio.get_running_loop().create_future()
        self.post_read(names, partial(_settle, answer), use=use, now_ms=now_ms)
        return await answer

    def post_read(
        self, names: Names, done: Callable[[Reading], None], *, use: bool, now_ms: int | None = None
    ) -> None:
        """Those of one tick travel together: one call for 64 of them takes the store a third of the time."""
        shared: tuple[Word, ...] = ("" if now_ms is None else now_ms, 0)
        own = 1 + self._dice() if use else 0
        self._reads.post((names.session,), shared, (own,), partial(_posted, done))

    async def update(
        self, names: Names, version: int, tail: bytes, *, decided: bool = False, now_ms: int | None = None
    ) -> Stored | Moved | None:
        return _found(await self._on("update", names, now_ms, version, tail, int(decided)))

    async def rotate(
        self,
        names: Names,
        renewed: Names,
        version: int,
        tail: bytes,
        *,
        decided: bool = False,
        now_ms: int | None = None,
    ) -> Stored | Moved | None:
        keys = (names.session, names.subject, renewed.session)
        return _found(await self._run("rotate", keys, now_ms, version, tail, int(decided)))

    async def end(self, names: Names) -> str:
        return str((await self._on("end", names, None)).decode())

    async def end_all(self, tag: str, generation: int, kept: str = "") -> None:
        await self._run("end_all", (subject_key(tag),), None, generation, kept)

    async def page(
        self, tag: str, after: int, now_ms: int | None = None
    ) -> tuple[int, list[tuple[str, bytes]]]:
        now, *rest = await self._run("page", (subject_key(tag),), now_ms, after, PAGE_SESSIONS)
        return now, [(digest.decode(), record) for digest, record in zip(rest[::2], rest[1::2], strict=True)]

    async def complete(self, tag: str, legacy: Legacy, foreign: Foreign, now_ms: int | None = None) -> None:
        records = [word for digest, record in legacy.records for word in (digest, record)]
        args = (legacy.generation, legacy.kept, len(legacy.ended), *legacy.ended, *records)
        await self._run("complete", (subject_key(tag),), now_ms, foreign.since_ms, foreign.run, *args)

    async def doubt(self, tag: str) -> None:
        await self._run("doubt", (subject_key(tag),), None)

    async def charge(self, network: bytes, most: int, window_ms: int) -> int:
        try:
            return int(await self._client.run(self._charge, (network,), (most, window_ms)))
        except AWAY as gone:
            raise StoreUnavailable(str(gone)) from gone

    async def _on(self, operation: str, names: Names, now_ms: int | None, *args: Word) -> Any:
        return await self._run(operation, (names.session, names.subject), now_ms, *args)

    async def _run(self, operation: str, keys: tuple[bytes, ...], now_ms: int | None, *args: Word) -> Any:
        now = "" if now_ms is None else now_ms
        words = (now, self._dice(), *args)
        try:
            answer = await self._client.run(
                self._scripts[operation], keys, words, repeat_safe=True, stamped=True
            )
        except AWAY as gone:
            raise StoreUnavailable(str(gone)) from gone
        return _native(answer)


def _native(answer: Any) -> Any:
    """Raises Foreign for what another run of the store left."""
    if isinstance(answer, list) and answer[0] == b"foreign":
        raise Foreign(answer[1], answer[2], held=bool(answer[3]))
    return answer


def _posted(done: Callable[[Reading], None], answer: Any) -> None:
    if isinstance(answer, Exception):
        done(StoreUnavailable(str(answer)) if isinstance(answer, AWAY) else answer)
        return
    first, second, third, fourth = answer
    if first is None:
        done(None)
    elif first == b"foreign":
        done(Foreign(second, third, held=bool(fourth)))
    elif first == b"moved":
        done(Moved(second.decode(), bool(third), bool(fourth)))
    else:
        done(Stored(first, second, third))


def _settle(answer: "asyncio.Future[Stored | Moved | None]", reading: Reading) -> None:
    if answer.done():
        return  # its asker gave up
    if isinstance(reading, Exception):
        answer.set_exception(reading)
    else:
        answer.set_result(reading)


def _found(answer: Any) -> Stored | Moved | None:
    if answer is None:
        return None
    if answer[0] == b"moved":
        return Moved(answer[1].decode(), bool(answer[2]), bool(answer[3]))
    if answer[0] == b"conflict":
        raise VersionConflict(answer[1])
    return Stored(*answer)


def _bare(source: bytes) -> bytes:
    """Without comments and indentation: the store keeps each script, and is sent it after a restart."""
    lines = (line.strip() for line in source.split(b"\n"))
    return b"\n".join(line for line in lines if line and not line.startswith(b"--"))


assert DIGEST_CHARACTERS == 22, "record.lua counts on it"
