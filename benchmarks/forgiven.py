"""What a fault may cost by rule: what was acknowledged in a span of time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Both ends belong to it, in ns. What was acknowledged in it may be lost by this fault."""

    from_ns: int
    to_ns: int

    def __contains__(self, at_ns: int) -> bool:
        return self.from_ns <= at_ns <= self.to_ns


NOTHING = Span(1, 0)
