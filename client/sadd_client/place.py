"""A place in a waiting room: what the platform says of it, and what it means for whoever has it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from sadd_client.answers import integer, members, name
from sadd_client.wire import Answer

State = Literal["waiting", "called", "admitted", "expired", "abandoned", "completed"]
"""waiting -> called (take the turn: ``claim``) -> admitted (``pass_`` is there) -> completed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a visitor stands.

    ``position`` is how many are to be called up to and with this one; 0 once called. ``wait_low_ms`` and
    ``wait_high_ms`` are an interval for the wait. Ask again after ``poll_after_ms``, not before.
    ``expires_in_ms`` is how long a called one may still claim, or the pass of an admitted one lasts.
    Whoever knows ``ticket`` has the place; no repr shows it, nor the pass.
    """

    room: str
    ticket: str = field(repr=False)
    number: int
    state: State
    position: int
    wait_low_ms: int
    wait_high_ms: int
    poll_after_ms: int
    pass_: str | None = field(default=None, repr=False)
    expires_in_ms: int | None = None
    lane: str = ""

    @property
    def decided(self) -> bool:
        """It is the visitor's move now: to claim, to go in, or to join anew."""
        return self.state != "waiting"


def place_of(room: str, answer: Answer) -> Place:
    """PlatformAway if the answer is none of this platform's."""
    found = members(answer)
    estimate = found.get("estimate_ms")
    wait: dict[str, Any] = estimate if isinstance(estimate, dict) else {}
    expires = found.get("expires_in_ms")
    return Place(
        room=room,
        ticket=name(found, "ticket", answer),
        number=integer(found, "number", answer),
        state=name(found, "state", answer),  # type: ignore[arg-type]  # a newer platform may know more
        position=integer(found, "position", answer),
        wait_low_ms=integer(wait, "low", answer),
        wait_high_ms=integer(wait, "high", answer),
        poll_after_ms=integer(found, "poll_after_ms", answer),
        pass_=name(found, "pass", answer) if found.get("pass") is not None else None,
        expires_in_ms=integer(found, "expires_in_ms", answer) if expires is not None else None,
        lane=str(found.get("lane") or ""),
    )
