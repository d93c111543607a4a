"""What the page shows of a room: from its settings, its status, and its history. Pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass

from queueing.estimate import estimate
from queueing.history import SAMPLE_MS, Sample
from queueing.pace import Pace, supposed
from queueing.policy import Room
from queueing.standing import RoomStatus
from sadd.rooms.spec import RoomSpec
from sadd.web.operator.chart import Drawn, Line, drawn

SPAN_MS = 3_600_000
WINDOW_SAMPLES = 12
"""A minute: what is let in is counted over it."""
LATE_MS = 15_000
"""A leader that has written nothing for so long while people wait has none, or its store is away."""
TABLE_MS = 60_000
MS_A_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Interval:
    """Minutes."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Sight:
    """One room, now. None is what nobody knows."""

    spec: RoomSpec
    state: str
    """A ``RoomState``, or ``unknown`` while the store is away."""
    waiting: int | None
    active: int | None
    measured_per_minute: float | None
    no_show_share: float | None
    wait: Interval | None
    covered_share: float | None
    cases: int
    factor: float | None
    failed_share: float | None
    latency_ms: float | None
    epoch: int | None
    led_ago_ms: int | None
    stock_left: int | None

    @property
    def room(self) -> Room:
        return self.spec.room

    @property
    def busy_share(self) -> float | None:
        return None if self.active is None else self.active / self.room.active_cap

    @property
    def leader_is_late(self) -> bool:
        return bool(self.waiting) and self.led_ago_ms is not None and self.led_ago_ms > LATE_MS


def sight(spec: RoomSpec, status: RoomStatus | None, samples: Sequence[Sample], now_ms: int) -> Sight:
    """``samples`` are of the last minute at least, the oldest first; ``now_ms`` is since the epoch."""
    last = samples[-1] if samples and now_ms - samples[-1].at_ms < SPAN_MS else None
    fresh = last if last is not None and now_ms - last.at_ms < 4 * SAMPLE_MS else None
    return Sight(
        spec=spec,
        state="unknown" if status is None else status.state,
        waiting=None if status is None else status.waiting,
        active=None if status is None else status.active,
        measured_per_minute=_let_in(samples, len(samples) - 1) if fresh else None,
        no_show_share=1 - last.show_rate if last else None,
        wait=_wait(status, fresh),
        covered_share=_known(last.covered_share) if last else None,
        cases=last.cases if last else 0,
        factor=last.factor if last else None,
        failed_share=_known(fresh.failed_share) if fresh else None,
        latency_ms=_known(fresh.latency_ms) if fresh else None,
        epoch=last.epoch if last else None,
        led_ago_ms=max(now_ms - last.at_ms, 0) if last else None,
        stock_left=None if status is None else status.stock_left,
    )


def wait_by_settings(room: Room, waiting: int) -> Interval:
    """For the last in line, before anything is measured."""
    told = estimate(supposed(room), waiting)
    return Interval(told.low / MS_A_MINUTE, told.high / MS_A_MINUTE)


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture: its name among the words, the library's data, and the same drawn here."""

    name: str
    labels: tuple[str, ...]
    """Names among the words."""
    values: tuple[tuple[float | None, ...], ...]
    drawn: Drawn


@dataclass(frozen=True, slots=True)
class Hour:
    """The last hour in pictures and, minute by minute, in a table."""

    times_ms: tuple[int, ...]
    charts: tuple[Chart, ...]
    rows: tuple[tuple[int, tuple[float | None, ...]], ...]
    """Minutes ago, then the values of all charts in their order."""


def hour(spec: RoomSpec, samples: Sequence[Sample], now_ms: int) -> Hour:
    kept = [sample for sample in samples if 0 <= now_ms - sample.at_ms <= SPAN_MS]
    times = tuple(sample.at_ms for sample in kept)
    cap = float(spec.room.active_cap)
    measured = tuple(_let_in(kept, index) for index in range(len(kept)))
    charts = (
        _chart("waiting", ("waiting",), times, (tuple(float(one.waiting) for one in kept),), now_ms),
        _chart(
            "outflow",
            ("target", "measured"),
            times,
            (tuple(float(one.target_per_minute) for one in kept), measured),
            now_ms,
        ),
        _chart(
            "active",
            ("active", "cap"),
            times,
            (tuple(float(one.active) for one in kept), (cap,) * len(kept)),
            now_ms,
        ),
        _chart(
            "shares",
            ("shows", "health_share"),
            times,
            (tuple(one.show_rate for one in kept), tuple(one.factor for one in kept)),
            now_ms,
        ),
    )
    return Hour(times, charts, _rows(times, charts, now_ms))


def _chart(
    name: str,
    labels: tuple[str, ...],
    times: tuple[int, ...],
    values: tuple[tuple[float | None, ...], ...],
    now_ms: int,
) -> Chart:
    lines = [Line(label, line) for label, line in zip(labels, values, strict=True)]
    return Chart(name, labels, values, drawn(times, lines, now_ms, SPAN_MS))


def _rows(
    times: Sequence[int], charts: Sequence[Chart], now_ms: int
) -> tuple[tuple[int, tuple[float | None, ...]], ...]:
    """The newest of each minute, the newest first."""
    newest: dict[int, int] = {(now_ms - at_ms) // TABLE_MS: index for index, at_ms in enumerate(times)}
    return tuple(
        (ago, tuple(line[index] for chart in charts for line in chart.values))
        for ago, index in sorted(newest.items())
    )


def _let_in(samples: Sequence[Sample], index: int) -> float | None:
    """Called a minute, over the minute before a sample; None for a first one and across a gap."""
    first = samples[max(index - WINDOW_SAMPLES, 0)]
    last = samples[index]
    elapsed_ms = last.at_ms - first.at_ms
    if not 0 < elapsed_ms <= 2 * MS_A_MINUTE or last.serving < first.serving:
        return None
    return (last.serving - first.serving) * MS_A_MINUTE / elapsed_ms


def _wait(status: RoomStatus | None, fresh: Sample | None) -> Interval | None:
    """Of the last in line: by the public pace, or what the leader wrote last; none while it is not known."""
    if status is None or not status.waiting or status.state not in ("queueing", "open"):
        return None
    pace = status.pace
    if pace is None and fresh is not None and fresh.low_per_minute > 0:
        pace = Pace(fresh.low_per_minute, fresh.high_per_minute, fresh.paused)
    if pace is None or pace.paused:
        return None
    told = estimate(pace, status.waiting)
    return Interval(told.low / MS_A_MINUTE, told.high / MS_A_MINUTE)


def _known(value: float) -> float | None:
    return value if value >= 0 else None
