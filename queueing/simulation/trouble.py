"""What goes wrong or is changed while a room runs, at stated minutes."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["pause", "leader", "store", "origin", "outflow", "shows"]
KINDS: tuple[Kind, ...] = ("pause", "leader", "store", "origin", "outflow", "shows")
LASTING: frozenset[Kind] = frozenset({"pause", "leader", "store", "origin"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """From minute ``at`` on; raises ValueError for what cannot be.

    pause     for ``minutes`` nobody is called
    leader    for ``minutes`` there is none: nobody is called, then another goes on
    store     for ``minutes`` nobody can join, claim or be called; those who would, do it when it is back
    origin    for ``minutes`` the share ``value`` of its answers are errors
    outflow   from then on ``value`` visitors a minute
    shows     from then on the share ``value`` of the called come
    """

    kind: Kind
    at: float
    minutes: float = 0.0
    value: float = 0.0

    def __post_init__(self) -> None:
        if self.at < 0:
            raise ValueError(f"{self.kind}: at minute {self.at:g}, which is before the start")
        if (self.kind in LASTING) != (self.minutes > 0):
            raise ValueError(f"{self.kind}: lasts {self.minutes:g} minutes")
        if self.kind in ("origin", "shows") and not 0 < self.value <= 1:
            raise ValueError(f"{self.kind}: a share above 0 and at most 1, not {self.value:g}")
        if self.kind == "outflow" and self.value < 1:
            raise ValueError(f"outflow: {self.value:g} a minute, at least 1")

    def holds(self, minute: float) -> bool:
        """Whether a lasting one is on."""
        return self.at <= minute < self.at + self.minutes


def trouble_of(text: str) -> Trouble:
    """``pause:30:5`` (at minute 30, for 5), ``origin:60:10:0.2``, ``outflow:90:1200``. Raises ValueError."""
    kind, *numbers = text.split(":")
    expected = {"pause": 2, "leader": 2, "store": 2, "origin": 3, "outflow": 2, "shows": 2}
    known = next((name for name in KINDS if name == kind), None)
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        values = []
    if known is None or len(values) != expected[known]:
        raise ValueError(
            f"{text!r}: pause|leader|store:MINUTE:MINUTES, origin:MINUTE:MINUTES:SHARE, "
            "outflow:MINUTE:PER_MINUTE or shows:MINUTE:SHARE"
        )
    if known in LASTING:
        return Trouble(known, *values)
    return Trouble(known, values[0], value=values[1])
