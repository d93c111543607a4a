"""The store on Valkey: one string for each session, one counter for each subject that was revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

from sadd.session.ids import Names
from sadd.session.policy import ABSOLUTE_MS_MAX, SessionPolicy
from sadd.session.record import Session, unpacked
from sadd.session.store import StoreUnavailable, VersionConflict

ON_RECORD = ("create", "touch", "update", "rotate")
GENERATION_KEPT_MS = ABSOLUTE_MS_MAX + 60_000


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
    """``sadd.session.store.Store`` on one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        folder = files("sadd.session")
        prelude = folder.joinpath("record.lua").read_bytes()
        self._scripts = {
            name: Script(f"session.{name}", prelude + folder.joinpath(f"{name}.lua").read_bytes())
            for name in ON_RECORD
        }
        self._revoke_all = Script("session.revoke_all", folder.joinpath("revoke_all.lua").read_bytes())

    async def create(
        self, names: Names, policy: SessionPolicy, tail: bytes, now_ms: int | None = None
    ) -> Session:
        times = (policy.idle_ms, policy.absolute_ms, policy.touch_ms)
        answer = await self._run("create", names, now_ms, *times, tail, GENERATION_KEPT_MS)
        return unpacked(*answer)

    async def touch(self, names: Names, now_ms: int | None = None) -> tuple[Session, bool] | None:
        answer = await self._run("touch", names, now_ms)
        return None if answer is None else (unpacked(answer[0], answer[1]), bool(answer[2]))

    async def update(
        self, names: Names, version: int, tail: bytes, now_ms: int | None = None
    ) -> Session | None:
        answer = await self._run("update", names, now_ms, version, tail)
        if isinstance(answer, int):
            raise VersionConflict(answer)
        return None if answer is None else unpacked(*answer)

    async def rotate(self, names: Names, renewed: Names, now_ms: int | None = None) -> Session | None:
        answer = await self._run("rotate", names, now_ms, renewed=renewed.session)
        return None if answer is None else unpacked(*answer)

    async def revoke(self, names: Names) -> bool:
        try:
            return bool(
                await self._client.command("UNLINK", names.session, key=names.session, repeat_safe=True)
            )
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone

    async def revoke_all(self, generation: bytes) -> None:
        try:
            await self._client.run(self._revoke_all, (generation,), (GENERATION_KEPT_MS,), repeat_safe=True)
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone

    async def _run(
        self,
        operation: str,
        names: Names,
        now_ms: int | None,
        *args: bytes | int,
        renewed: bytes | None = None,
    ) -> Any:
        keys = [names.session, names.generation, *((renewed,) if renewed else ())]
        now = "" if now_ms is None else now_ms
        try:
            return await self._client.run(self._scripts[operation], keys, (now, *args), repeat_safe=True)
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone
