"""Keeps the history of the rooms that this process leads, apart from the steps, which wait for nothing."""

import asyncio
from dataclasses import dataclass

from queueing.health import Health
from queueing.history import SAMPLE_MS, History, Sample
from queueing.outflow import Observed, Step
from queueing.policy import Room

PERIOD_S = 1.0


@dataclass(frozen=True, slots=True)
class RecorderStats:
    samples: int
    lost: int
    """Samples that the store did not take; the picture has a gap there."""


class Recorder:
    """Takes note of steps; ``run`` writes one sample of each room and five seconds."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._pending: dict[str, Sample] = {}  # bounded by the rooms there are, as is the next
        self._last: dict[str, Sample] = {}
        self._samples = 0
        self._lost = 0

    def note(self, room: Room, seen: Observed, step: Step, health: Health | None, epoch: int) -> None:
        """A step was made. What a quiet room does not do is not written."""
        last = self._last.get(room.id)
        if last is not None and last.at_ms // SAMPLE_MS >= seen.now_ms // SAMPLE_MS:
            return
        sample = sampled(room, seen, step, health, epoch)
        self._last[room.id] = sample
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
