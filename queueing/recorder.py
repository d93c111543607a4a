"""Keeps the history of the rooms that this process leads, apart from the steps, which wait for nothing."""

import asyncio
import heapq
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from queueing.health import Health
from queueing.history import SAMPLE_MS, History, Sample
from queueing.outflow import Observed, Step
from queueing.policy import Room

PERIOD_S = 1.0
SHOWN_MAX = 200
"""Rooms with gauges of their own, those with most people first: each is a dozen time series."""
SHOWN_S = 15.0
"""So long a room is shown by who led it last: then another does, or nobody."""


@dataclass(frozen=True, slots=True)
class RecorderStats:
    samples: int
    lost: int
    """Samples that the store did not take; the picture has a gap there."""


@dataclass(frozen=True, slots=True)
class RoomGauges:
    """The rooms in use that this process leads, by id; what nobody knows is left out."""

    waiting: Mapping[str, int]
    active: Mapping[str, int]
    active_cap: Mapping[str, int]
    target_per_minute: Mapping[str, int]
    let_in: Mapping[str, int]
    """Since the room began, in all lanes."""
    missed: Mapping[str, int]
    show_share: Mapping[str, float]
    health_share: Mapping[str, float]
    """Of the outflow, what the origin's health leaves."""
    covered_share: Mapping[str, float]
    failed_share: Mapping[str, float]
    latency_ms: Mapping[str, float]
    paused: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Last:
    room: Room
    sample: Sample
    at_s: float


class Recorder:
    """Takes note of steps; ``run`` writes one sample of each room and five seconds."""

    def __init__(self, history: History, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._history = history
        self._clock = clock
        self._pending: dict[str, Sample] = {}  # bounded by the rooms there are, as is the next
        self._last: dict[str, _Last] = {}
        self._samples = 0
        self._lost = 0

    def note(self, room: Room, seen: Observed, step: Step, health: Health | None, epoch: int) -> None:
        """A step was made. What a quiet room does not do is not written."""
        before = self._last.get(room.id)
        last = None if before is None else before.sample
        if last is not None and last.at_ms // SAMPLE_MS >= seen.now_ms // SAMPLE_MS:
            return
        sample = sampled(room, seen, step, health, epoch)
        self._last[room.id] = _Last(room, sample, self._clock())
        if _is_used(sample) or (last is not None and (_is_used(last) or last.issued != sample.issued)):
            self._pending[room.id] = sample

    async def run(self) -> None:
        """Write what was noted, every second, until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_S)
            await self.write()

    async def write(self) -> None:
        """Write what was noted. A store that is away costs the samples, and nothing else."""
        pending, self._pending = self._pending, {}
        if not pending:
            return
        kept = await asyncio.gather(
            *(self._history.append(room_id, sample) for room_id, sample in pending.items()),
            self._history.note_live(list(pending), max(sample.at_ms for sample in pending.values())),
            return_exceptions=True,
        )
        for result in kept[:-1]:
            if isinstance(result, BaseException) and not isinstance(result, (ConnectionError, TimeoutError)):
                raise result
            self._samples += result is True
            self._lost += isinstance(result, BaseException)

    def stats(self) -> RecorderStats:
        return RecorderStats(self._samples, self._lost)

    def rooms(self) -> RoomGauges:
        """What is known of each room in use; empty in a process that does not lead."""
        since_s = self._clock() - SHOWN_S
        used = (last for last in self._last.values() if last.at_s >= since_s and _is_used(last.sample))
        shown = heapq.nlargest(SHOWN_MAX, used, key=lambda last: last.sample.waiting + last.sample.active)
        samples = {last.room.id: last.sample for last in shown}
        return RoomGauges(
            waiting={id_: one.waiting for id_, one in samples.items()},
            active={id_: one.active for id_, one in samples.items()},
            active_cap={last.room.id: last.room.active_cap for last in shown},
            target_per_minute={id_: one.target_per_minute for id_, one in samples.items()},
            let_in={id_: one.serving for id_, one in samples.items()},
            missed={id_: one.missed for id_, one in samples.items()},
            show_share={id_: one.show_rate for id_, one in samples.items()},
            health_share={id_: one.factor for id_, one in samples.items()},
            covered_share={id_: one.covered_share for id_, one in samples.items() if one.covered_share >= 0},
            failed_share={id_: one.failed_share for id_, one in samples.items() if one.failed_share >= 0},
            latency_ms={id_: one.latency_ms for id_, one in samples.items() if one.latency_ms >= 0},
            paused={id_: int(one.paused) for id_, one in samples.items()},
        )


def sampled(room: Room, seen: Observed, step: Step, health: Health | None, epoch: int) -> Sample:
    """What one step saw and did, as the history keeps it."""
    answers = health.ok + health.failed if health is not None else 0
    covered = step.coverage
    return Sample(
        at_ms=seen.now_ms,
        epoch=epoch,
        issued=seen.issued,
        serving=seen.serving + step.call,
        expired=seen.expired,
        claimed=seen.claimed,
        missed=seen.missed,
        active=seen.active,
        target_per_minute=room.outflow_per_minute,
        cases=covered.cases if covered is not None else 0,
        low_per_minute=step.pace.low_per_minute,
        high_per_minute=step.pace.high_per_minute,
        show_rate=step.show_rate,
        factor=step.factor,
        covered_share=covered.share if covered is not None else -1.0,
        failed_share=health.failed / answers if health is not None and answers else -1.0,
        latency_ms=health.latency_ms if health is not None and answers else -1.0,
        paused=step.pace.paused,
    )


def _is_used(sample: Sample) -> bool:
    return sample.waiting > 0 or sample.active > 0
