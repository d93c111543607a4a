"""When a room makes people wait: always, at a schedule, or by itself."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["passthrough", "queueing", "closed", "gathering"]
"""Everyone goes through; people wait in line; nobody comes in; people gather without order before a start."""

CALM_SHARE = 0.7  # of a threshold: at 0.99 of it a room would open and close with every gust
CALM_MS = 300_000


@dataclass(frozen=True, slots=True)
class Always:
    """People wait whenever more come than the outflow and the cap bear."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """People wait from ``opens_at_ms`` until ``ends_at_ms`` (None: no end), ``outside`` holds else.

    From ``gathers_at_ms`` until the opening they gather without order (None: they do not). Times are ms since
    the epoch, by the store's clock.
    """

    opens_at_ms: int
    ends_at_ms: int | None = None
    gathers_at_ms: int | None = None
    outside: Literal["passthrough", "closed"] = "passthrough"

    def __post_init__(self) -> None:
        if self.ends_at_ms is not None and self.ends_at_ms <= self.opens_at_ms:
            raise ValueError("a schedule ends after it opens")
        if self.gathers_at_ms is not None and self.gathers_at_ms > self.opens_at_ms:
            raise ValueError("people gather before a schedule opens")


@dataclass(frozen=True, slots=True)
class Automatic:
    """People wait once as many join a minute, or the origin is as unwell; no sooner than ``calm_ms`` of calm
    without anybody waiting lets everyone through again. Calm is below ``calm_share`` of each threshold.

    A threshold that is None is not looked at; one of the three there must be.
    """

    joins_per_minute: float | None = None
    failed_share: float | None = None
    latency_ms: float | None = None
    calm_share: float = CALM_SHARE
    calm_ms: int = CALM_MS

    def __post_init__(self) -> None:
        thresholds = [t for t in (self.joins_per_minute, self.failed_share, self.latency_ms) if t is not None]
        if not thresholds or min(thresholds) <= 0:
            raise ValueError("an automatic activation needs a threshold above 0")
        if not 0 < self.calm_share <= 1 or self.calm_ms < 0:
            raise ValueError("calm_share is above 0 and at most 1, calm_ms is not negative")


Activation = Always | Scheduled | Automatic


@dataclass(frozen=True, slots=True)
class Demand:
    """What an automatic activation looks at; ``failed_share`` and ``latency_ms`` of the last seconds, None if
    nothing was heard."""

    joins_per_minute: float
    waiting: int
    failed_share: float | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """The mode that holds, and since when it has been calm (None: it is not)."""

    mode: Mode = "passthrough"
    calm_since_ms: int | None = None


def decide(activation: Activation, before: Activity, demand: Demand, now_ms: int) -> Activity:
    """The activity from now on. Only an automatic one depends on the one before."""
    match activation:
        case Always():
            return Activity("queueing")
        case Scheduled():
            return Activity(_scheduled(activation, now_ms))
        case Automatic():
            return _automatic(activation, before, demand, now_ms)


def _scheduled(schedule: Scheduled, now_ms: int) -> Mode:
    if now_ms >= schedule.opens_at_ms:
        ended = schedule.ends_at_ms is not None and now_ms >= schedule.ends_at_ms
        return schedule.outside if ended else "queueing"
    gathers = schedule.gathers_at_ms is not None and now_ms >= schedule.gathers_at_ms
    return "gathering" if gathers else schedule.outside


def _automatic(activation: Automatic, before: Activity, demand: Demand, now_ms: int) -> Activity:
    if before.mode != "queueing":
        return Activity("queueing" if _passes(activation, demand, 1.0) else "passthrough")
    if demand.waiting or _passes(activation, demand, activation.calm_share):
        return Activity("queueing")
    since_ms = now_ms if before.calm_since_ms is None else min(before.calm_since_ms, now_ms)
    if now_ms - since_ms >= activation.calm_ms:
        return Activity("passthrough")
    return Activity("queueing", since_ms)


def _passes(activation: Automatic, demand: Demand, share: float) -> bool:
    """Whether any threshold, taken at ``share``, is reached."""
    pairs = (
        (activation.joins_per_minute, demand.joins_per_minute),
        (activation.failed_share, demand.failed_share),
        (activation.latency_ms, demand.latency_ms),
    )
    return any(
        threshold is not None and value is not None and value >= threshold * share
        for threshold, value in pairs
    )
