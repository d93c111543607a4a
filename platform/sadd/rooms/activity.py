"""Which mode each room is in just now: by its schedule, or by itself where rush or bad health says so.

::

    leader's steps ─▶ joins, waiting, health ─┐
    gate ───────────▶ arrivals ───────────────┴▶ decide ─▶ Valkey ─▶ every worker ─▶ RoomsView.turn

A schedule needs no agreement but the clock. What a room does by itself is decided by the worker that leads
and read by the others within a second, so that all are of one mind; with the store away each keeps the last.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec
import structlog

from queueing.activation import Activity, Automatic, Demand, Mode, decide
from queueing.health import Health
from queueing.outflow import Observed, Step
from queueing.policy import Room
from sadd.rooms.arrivals import Arrivals, Client
from sadd.rooms.view import RoomsView

TURN_SECONDS = 0.5
WINDOW_MS = 10_000
KEEP_SECONDS = 86_400

_log = structlog.get_logger("sadd.rooms")
_DECODER = msgspec.json.Decoder(Activity)


@dataclass(slots=True)
class Heard:
    """What the leader saw of a room in the last WINDOW_MS."""

    issued: deque[tuple[int, int]] = field(default_factory=deque)
    health: deque[tuple[int, Health]] = field(default_factory=deque)
    waiting: int = 0

    def take(self, seen: Observed, health: Health | None) -> None:
        self.issued.append((seen.now_ms, seen.issued))
        if health is not None:
            self.health.append((seen.now_ms, health))
        self.waiting = seen.issued - seen.serving
        since_ms = seen.now_ms - WINDOW_MS
        while len(self.issued) > 1 and self.issued[1][0] <= since_ms:
            self.issued.popleft()
        while self.health and self.health[0][0] < since_ms:
            self.health.popleft()

    def demand(self, arrivals_per_minute: float) -> Demand:
        """Joins are counted over the whole window, so that the first of a quiet room are no rush."""
        joined = self.issued[-1][1] - self.issued[0][1] if self.issued else 0
        ok = sum(health.ok for _, health in self.health)
        failed = sum(health.failed for _, health in self.health)
        latency_ms = sum(health.latency_ms * (health.ok + health.failed) for _, health in self.health)
        return Demand(
            joins_per_minute=joined * 60_000 / WINDOW_MS + arrivals_per_minute,
            waiting=self.waiting,
            failed_share=failed / (ok + failed) if ok + failed else None,
            latency_ms=latency_ms / (ok + failed) if ok + failed else None,
        )


class Activities:
    """Of one worker. ``leads`` tells whether this one decides; ``clock`` is in seconds since the epoch."""

    def __init__(
        self,
        client: Client,
        specs: RoomsView,
        arrivals: Arrivals,
        leads: Callable[[], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._specs = specs
        self._arrivals = arrivals
        self._leads = leads
        self._clock = clock
        self._heard: dict[str, Heard] = {}  # bounded by the rooms there are
        self._known: dict[str, Activity] = {}

    def note(self, room: Room, seen: Observed, step: Step, health: Health | None, epoch: int) -> None:  # noqa: ARG002
        """What the leader saw at a step."""
        self._heard.setdefault(room.id, Heard()).take(seen, health)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.turn()
            except (ConnectionError, TimeoutError) as away:
                _log.warning("rooms keep the mode that they have", reason=type(away).__name__)
            self._specs.turn(int(self._clock() * 1000), self.modes())
            await asyncio.sleep(TURN_SECONDS)

    async def turn(self) -> None:
        """Once: tell who came, decide where this worker leads, read elsewhere."""
        await self._arrivals.flush()
        for room_id, activation in self._automatic().items():
            activity = await self._read(room_id)
            if self._leads():
                after = await self._decided(room_id, activation, activity)
                if after != activity:
                    await self._write(room_id, after)
                activity = after
            self._known[room_id] = activity

    def modes(self) -> Mapping[str, Mode]:
        """Of the rooms that go by themselves."""
        return {room_id: activity.mode for room_id, activity in self._known.items()}

    async def _decided(self, room_id: str, activation: Automatic, before: Activity) -> Activity:
        heard = self._heard.get(room_id, Heard())
        demand = heard.demand(await self._arrivals.per_minute(room_id))
        after = decide(activation, before, demand, int(self._clock() * 1000))
        if after.mode != before.mode:
            _log.info("a room is in another mode", room=room_id, mode=after.mode)
        return after

    def _automatic(self) -> dict[str, Automatic]:
        return {
            id_: spec.activation
            for id_, spec in self._specs.state.rooms.items()
            if isinstance(spec.activation, Automatic)
        }

    async def _read(self, room_id: str) -> Activity:
        key = _key(room_id)
        held = await self._client.command("GET", key, key=key, repeat_safe=True)
        try:
            return Activity() if held is None else _DECODER.decode(held)
        except msgspec.MsgspecError:  # a newer release wrote it
            return self._known.get(room_id, Activity())

    async def _write(self, room_id: str, activity: Activity) -> None:
        key = _key(room_id)
        said = msgspec.json.encode(activity)
        await self._client.command("SET", key, said, "EX", KEEP_SECONDS, key=key, repeat_safe=True)


def _key(room_id: str) -> bytes:
    return f"queue:{{{room_id}}}:activity".encode()
