"""A plain model of a room: one row for each visitor, which the real one does not keep."""

from dataclasses import dataclass
from fractions import Fraction

from queueing.policy import Room

GRANULES = 256  # a window may be longer than set by one part of so many


@dataclass
class Visitor:
    called_ms: int | None = None
    pass_ends_ms: int | None = None
    over: bool = False


class Model:
    """Times are whole seconds apart, so that two calls never share a granule by accident."""

    def __init__(self, room: Room, now_ms: int) -> None:
        self.room = room
        self.visitors: dict[int, Visitor] = {}
        self.at_ms = now_ms
        self.credit = self.credit_kept = max(Fraction(1), Fraction(room.outflow_per_minute, 60))
        self.called_log: list[tuple[int, int]] = []

    @property
    def serving(self) -> int:
        return sum(visitor.called_ms is not None for visitor in self.visitors.values())

    @property
    def active(self) -> int:
        return sum(v.pass_ends_ms is not None and not v.over for v in self.visitors.values())

    @property
    def to_claim(self) -> int:
        return sum(
            v.called_ms is not None and v.pass_ends_ms is None and not v.over for v in self.visitors.values()
        )

    def window_ends(self, visitor: Visitor) -> int:
        assert visitor.called_ms is not None
        window = self.room.claim_window_ms
        return visitor.called_ms + -(-window // GRANULES) + window

    def settle(self, now_ms: int) -> None:
        for visitor in self.visitors.values():
            if visitor.over or visitor.called_ms is None:
                continue
            ends = visitor.pass_ends_ms or self.window_ends(visitor)
            visitor.over = now_ms >= ends
        passed_ms = min(now_ms - self.at_ms, 5_000)
        self.at_ms = now_ms
        self.credit += Fraction(passed_ms * self.room.outflow_per_minute, 60_000)
        self.call(now_ms)
        self.credit = min(self.credit, self.credit_kept)

    def call(self, now_ms: int) -> None:
        for number, visitor in sorted(self.visitors.items()):
            free = self.room.active_cap - self.active - self.to_claim
            if visitor.called_ms is None and self.credit >= 1 and free > 0:
                visitor.called_ms = now_ms
                self.credit -= 1
                self.called_log.append((now_ms, number))

    def join(self, now_ms: int) -> tuple[str, int]:
        self.settle(now_ms)
        number = len(self.visitors) + 1
        self.visitors[number] = Visitor()
        self.call(now_ms)
        if self.visitors[number].called_ms is None:
            return "waiting", 0
        return self._admit(number, now_ms)

    def stand(self, number: int, now_ms: int) -> tuple[str, int]:
        self.settle(now_ms)
        visitor = self.visitors[number]
        if visitor.called_ms is None:
            return "waiting", 0
        if visitor.over:
            return "expired", 0
        if visitor.pass_ends_ms is not None:
            return "admitted", visitor.pass_ends_ms
        return "called", self.window_ends(visitor)

    def claim(self, number: int, now_ms: int) -> tuple[str, int]:
        state, ends = self.stand(number, now_ms)
        return self._admit(number, now_ms) if state == "called" else (state, ends)

    def leave(self, number: int, now_ms: int) -> tuple[str, int]:
        state, _ = self.stand(number, now_ms)
        if state in ("called", "admitted"):
            self.visitors[number].over = True
        self.call(now_ms)
        return {"waiting": "abandoned", "called": "abandoned", "admitted": "completed"}.get(state, state), 0

    def _admit(self, number: int, now_ms: int) -> tuple[str, int]:
        self.visitors[number].pass_ends_ms = now_ms + self.room.pass_ms
        return "admitted", now_ms + self.room.pass_ms
