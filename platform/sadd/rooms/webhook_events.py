"""What a change of a room's state is called, where anybody wants to be told of it."""

from typing import Literal, get_args

Event = Literal["opened", "drained", "paused", "resumed", "stock_ended"]
EVENTS: tuple[Event, ...] = get_args(Event)

CALM_SECONDS = 10
"""A line at the edge comes and goes with each gust: of that nobody is told more often than so."""

_AT_ONCE = frozenset({"paused", "resumed", "stock_ended"})


def event_of(before: str, now: str, stock_left: int | None) -> Event | None:
    """opened: a line has formed. drained: nobody waits any more. None: it is no news."""
    if before == now:
        return None
    if now == "ended":
        return "stock_ended" if stock_left == 0 else None
    if now == "paused":
        return "paused"
    if before == "paused" and now in ("queueing", "open"):
        return "resumed"
    if now == "queueing":
        return "opened"
    return "drained" if now == "open" and before == "queueing" else None


def may_wait(event: Event | None, since_seconds: float) -> bool:
    """Whether to look again before it is told: by then it may be over."""
    return event not in _AT_ONCE and event is not None and since_seconds < CALM_SECONDS
