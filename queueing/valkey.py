"""The hot store on Valkey: a room's keys all lie under the hash tag ``{<room>}``; ``room.lua`` lists them."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

from queueing.pace import Pace
from queueing.policy import Room
from queueing.store import (
    Claim,
    Counted,
    Doubts,
    Foreign,
    Handed,
    Legacy,
    Line,
    Move,
    Reading,
    Seen,
    StoreUnavailable,
)

OPERATIONS = (
    "join",
    "status",
    "stand",
    "claim",
    "leave",
    "renew",
    "extend",
    "look",
    "advance",
    "block",
    "feedback",
    "load",
    "restore",
)

Word = bytes | int | str


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
        args: Sequence[Word],
        *,
        repeat_safe: bool = False,
        stamped: bool = False,
    ) -> Any: ...

    def incarnation(self, key: bytes) -> bytes: ...


class ValkeyStore:
    """``queueing.store.Store`` on one client.

    All operations may be repeated: a repeated join wastes numbers, the others find what they did. Each
    carries the incarnation of the server that gets it: none counts on what an earlier run of it left there.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        folder = files("queueing")
        prelude = folder.joinpath("room.lua").read_text(encoding="utf-8")
        self._scripts = {
            name: Script(
                f"queueing.{name}", _bare(prelude + folder.joinpath(f"{name}.lua").read_text("utf-8"))
            )
            for name in OPERATIONS
        }

    def incarnation(self, room: Room) -> str:
        try:
            return self._client.incarnation(_key(room)).decode()
        except ConnectionError as gone:
            raise StoreUnavailable(str(gone)) from gone

    # -- visitors ------------------------------------------------------------

    async def join(self, room: Room, lane: str, count: int, now_us: int | None = None) -> Handed:
        return Handed(*(await self._run("join", room, now_us, lane, count))[1:])

    async def stand(
        self, room: Room, lane: str, number: int, now_us: int | None = None, *, back: bool = False
    ) -> Reading:
        return _reading(await self._run("stand", room, now_us, lane, number, int(back)))

    async def claim(self, room: Room, lane: str, number: int, now_us: int | None = None) -> Reading:
        return _reading(await self._run("claim", room, now_us, lane, number))

    async def leave(
        self,
        room: Room,
        lane: str,
        number: int,
        now_us: int | None = None,
        *,
        back: bool = False,
        pass_id: str = "",
    ) -> Reading:
        return _reading(await self._run("leave", room, now_us, lane, number, int(back), pass_id))

    async def renew(self, room: Room, lane: str, number: int, now_us: int | None = None) -> Reading:
        return _reading(await self._run("renew", room, now_us, lane, number))

    async def extend(self, room: Room, lane: str, number: int, now_us: int | None = None) -> Reading:
        return _reading(await self._run("extend", room, now_us, lane, number))

    async def feedback(self, room: Room, ok: int, failed: int, latency_ms: int) -> None:
        await self._run("feedback", room, None, ok, failed, latency_ms)

    async def status(self, room: Room, now_us: int | None = None) -> Counted:
        lanes = list(room.shares)
        told = await self._run("status", room, now_us, *lanes)
        return Counted(
            life=told[1],
            now_ms=told[2],
            active=told[3],
            claimed=told[4],
            due=told[5],
            pace=_pace(told[6]),
            lines={lane: Line(told[8 + 2 * at], told[7 + 2 * at]) for at, lane in enumerate(lanes)},
        )

    # -- numbers -------------------------------------------------------------

    async def block(self, room: Room, lane: str, life: int, after: int, last: int) -> int:
        return int((await self._run("block", room, None, lane, life, after, last))[1])

    async def top(self, room: Room, lane: str) -> tuple[int, int]:
        handed = await self.join(room, lane, 0)
        return handed.life, handed.issued + handed.left

    # -- the leader ----------------------------------------------------------

    async def look(self, room: Room, epoch: int, now_us: int | None = None) -> Seen | None:
        lanes = list(room.shares)
        told = await self._run("look", room, now_us, epoch, *lanes)
        if told[0] == b"deposed":
            return None
        if type(told) is not list or len(told) != 13 + 5 * len(lanes):
            raise StoreUnavailable(f"look: an answer of {len(told)} parts")
        lines = {lane: _line(told[13 + 5 * at : 18 + 5 * at]) for at, lane in enumerate(lanes)}
        return Seen(*[*told[1:13], lines])

    async def advance(self, room: Room, move: Move, now_us: int | None = None) -> bool:
        pace = b"" if move.pace is None else move.pace.packed()
        lanes = [
            word for lane in move.serving for word in (lane, move.serving[lane], move.expired.get(lane, 0))
        ]
        told = await self._run(
            "advance", room, now_us, move.life, move.epoch, move.again, move.at_once, pace, *lanes
        )
        return bool(told[0] == b"moved")

    # -- a new life ----------------------------------------------------------

    async def load(
        self, room: Room, legacy: Legacy, claims: Sequence[Claim], now_us: int | None = None
    ) -> None:
        words = [word for each in claims for word in (each.lane, each.number, each.start_ms, each.ends_ms)]
        await self._run("load", room, now_us, legacy.life, legacy.server, *words)

    async def restore(self, room: Room, legacy: Legacy, loaded: int, now_us: int | None = None) -> None:
        lines = [
            word
            for lane, kept in legacy.lines.items()
            for word in (lane, kept.reserved, kept.serving, kept.expired, kept.swept, _spelt(kept.doubts))
        ]
        totals = legacy.claimed, legacy.missed, legacy.left
        fence = legacy.life, legacy.server, loaded
        await self._run("restore", room, now_us, *fence, *totals, *lines)

    async def _run(self, operation: str, room: Room, now_us: int | None, *own: Word) -> Any:
        args = [*_settings(room, now_us), *own]
        script = self._scripts[operation]
        try:
            told = await self._client.run(script, [_key(room)], args, repeat_safe=True, stamped=True)
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone
        if told[0] == b"foreign":
            raise Foreign(room.id)
        return told


def _bare(source: str) -> bytes:
    """Without what is for readers: after a restart each call under way carries it once, 7 KB for 11."""
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("--")).encode()


def _key(room: Room) -> bytes:
    return f"queue:{{{room.id}}}:room".encode()


def _settings(room: Room, now_us: int | None) -> list[Word]:
    flags = (("c", room.second_chance), ("s", room.suspended), ("p", room.method == "passthrough"))
    return [
        "" if now_us is None else now_us,
        room.claim_window_ms,
        room.pass_ms,
        room.active_cap,
        room.outflow_per_minute,
        room.pass_cap_ms or room.pass_ms,
        room.reentry_grace_ms,
        -1 if room.stock is None else room.stock,
        "".join(flag for flag, on in flags if on),
    ]


def _line(told: list[Any]) -> Line:
    edges = [int(word) for word in told[4].split()]
    return Line(*[*told[:4], tuple(zip(edges[::2], edges[1::2], strict=True))])


def _spelt(doubts: Doubts) -> str:
    return " ".join(str(edge) for pair in doubts for edge in pair)


def _pace(packed: bytes) -> Pace | None:
    """None for one of another release, too: a leader of this one writes it anew."""
    try:
        return Pace.unpacked(packed)
    except ValueError:
        return None


def _reading(told: list[Any]) -> Reading:
    return Reading(told[0].decode(), *told[1:])
