"""The store on Valkey: a few keys for each room, all under the hash tag ``{<room>}``."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

from queueing.policy import Room
from queueing.store import Reading, StoreUnavailable

OPERATIONS = ("join", "status", "stand", "claim", "leave")
KEYS = ("room", "marks", "claimed", "active")  # in the order of room.lua


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


class ValkeyStore:
    """``queueing.store.Store`` on one client.

    All operations may be repeated: a repeated join wastes a number, the others find what they did.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        folder = files("queueing")
        prelude = folder.joinpath("room.lua").read_bytes()
        self._scripts = {
            name: Script(f"queueing.{name}", prelude + folder.joinpath(f"{name}.lua").read_bytes())
            for name in OPERATIONS
        }

    async def join(self, room: Room, now_us: int | None = None) -> Reading:
        return await self._run("join", room, 0, now_us)

    async def status(self, room: Room, now_us: int | None = None) -> Reading:
        return await self._run("status", room, 0, now_us)

    async def stand(self, room: Room, number: int, now_us: int | None = None) -> Reading:
        return await self._run("stand", room, number, now_us)

    async def claim(self, room: Room, number: int, now_us: int | None = None) -> Reading:
        return await self._run("claim", room, number, now_us)

    async def leave(self, room: Room, number: int, now_us: int | None = None) -> Reading:
        return await self._run("leave", room, number, now_us)

    async def _run(self, operation: str, room: Room, number: int, now_us: int | None) -> Reading:
        now = "" if now_us is None else now_us
        args = (now, room.outflow_per_minute, room.active_cap, room.claim_window_ms, room.pass_ms, number)
        try:
            answer = await self._client.run(self._scripts[operation], _keys(room), args, repeat_safe=True)
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone
        return Reading(answer[0].decode() or None, *answer[1:])


def _keys(room: Room) -> list[bytes]:
    return [f"queue:{{{room.id}}}:{part}".encode() for part in KEYS]
