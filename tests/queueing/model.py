"""A plain model of a room: one row for each visitor, which the real one does not keep."""

from dataclasses import dataclass, field

from queueing.policy import Room

GRANULES = 256  # a window may be longer than set by one part of so many
ASKED_MS = 10_000
HELD_MS = 2_000
EXTENSIONS_MAX = 10


@dataclass
class Visitor:
    called_ms: int | None = None
    at_once: bool = False
    turned: bool = False
    """Claimed, gave up, or has or had a turn of his own."""
    own_ms: int | None = None
    """Until when; 0: to be called in the next step."""
    extensions: int = 0
    start_ms: int = 0
    ends_ms: int = 0
    was_inside: bool = False
    back_until_ms: int = 0
    asking_since: int | None = None
    asked_ms: int = 0

    def end_turn(self) -> None:
        self.own_ms = self.asking_since = None
        self.extensions = 0
        self.was_inside = False


@dataclass
class Model:
    """Times are whole seconds apart, so that two calls never share a granule by accident."""

    room: Room
    now_ms: int
    at_once: int = 0
    at_ms: int = 0
    full_ms: int = 0
    expired: int = 0
    claimed: int = 0
    missed: int = 0
    left: int = 0
    recalled: int = 0
    due: int = 0
    asks: int = 0
    visitors: dict[int, Visitor] = field(default_factory=dict)

    @property
    def serving(self) -> int:
        return sum(visitor.called_ms is not None for visitor in self.visitors.values())

    @property
    def active(self) -> int:
        return sum(visitor.ends_ms > self.now_ms for visitor in self.visitors.values())

    @property
    def again(self) -> int:
        return sum(visitor.own_ms == 0 for visitor in self.visitors.values())

    def window_ends(self, called_ms: int) -> int:
        window = self.room.claim_window_ms
        return max(called_ms, self.full_ms) + -(-window // GRANULES) + window

    def over(self) -> int:
        """What expired becomes by the windows that are over."""
        windows = {
            number: self.window_ends(visitor.called_ms)
            for number, visitor in self.visitors.items()
            if visitor.called_ms is not None and not visitor.at_once and number > self.expired
        }
        over = [number for number, ends_ms in windows.items() if self.now_ms >= ends_ms]
        return max(over, default=self.expired) if len(over) < len(windows) else self.serving

    def settle(self, now_ms: int) -> None:
        """Passes end."""
        for visitor in self.visitors.values():
            if 0 < visitor.ends_ms <= now_ms:
                if self.room.reentry_grace_ms:
                    visitor.back_until_ms = visitor.ends_ms + self.room.reentry_grace_ms
                visitor.ends_ms = 0
        self.now_ms = now_ms

    # -- visitors ------------------------------------------------------------

    def join(self) -> tuple[str, int]:
        number, nobody_waits = len(self.visitors) + 1, self.serving == len(self.visitors)
        visitor = self.visitors[number] = Visitor()
        free = self.room.active_cap - self.active - self.due
        if self.room.stock is not None:
            free = min(free, self.room.stock - self.claimed - self.due)
        if not nobody_waits or min(free, self.at_once) <= 0:
            return "waiting", 0
        self.at_once -= 1
        visitor.called_ms, visitor.at_once = self.now_ms, True
        self.claimed += 1
        return self._admit(visitor)

    def stand(self, number: int) -> tuple[str, int]:
        visitor = self.visitors[number]
        if visitor.ends_ms:
            return "admitted", visitor.ends_ms
        if visitor.own_ms == 0:
            return "again", 0
        if visitor.own_ms is not None:
            return "called", max(visitor.own_ms, self.full_ms + self.room.claim_window_ms)
        if visitor.called_ms is None:
            return "waiting", 0
        if number <= self.expired or visitor.turned:
            return "expired", 0
        return "called", self.window_ends(visitor.called_ms)

    def back(self, number: int) -> tuple[str, int]:
        state, ends = self.stand(number)
        visitor = self.visitors[number]
        if state != "expired":
            return state, ends
        if visitor.back_until_ms > self.now_ms:
            visitor.back_until_ms, visitor.was_inside = 0, True
            visitor.own_ms = self.now_ms + self.room.claim_window_ms
            self.due += 1
            return "called", visitor.own_ms
        if self.room.second_chance and not visitor.turned:
            visitor.turned, visitor.own_ms = True, 0
            return "again", 0
        return "expired", 0

    def claim(self, number: int) -> tuple[str, int]:
        state, ends = self.stand(number)
        if state != "called":
            return state, ends
        visitor, stock = self.visitors[number], self.room.stock
        sold_out = stock is not None and not visitor.was_inside and self.claimed >= stock
        if not sold_out and self._free(visitor) > 0:
            self.claimed += not visitor.was_inside
            visitor.end_turn()
            self.due -= 1
            return self._admit(visitor)
        self._own_turn(visitor)
        if visitor.asking_since is None:
            self.asks += 1
            visitor.asking_since = self.asks
        visitor.asked_ms = self.now_ms
        return "called", self.now_ms + self.room.claim_window_ms

    def leave(self, number: int) -> tuple[str, int]:
        state, _ = self.stand(number)
        visitor = self.visitors[number]
        if state == "admitted":
            visitor.ends_ms = 0
            return "completed", 0
        if state == "called":
            visitor.turned = True
            self.due -= 1
            self.left += 1
        if state != "expired":
            visitor.end_turn()
        return "expired" if state == "expired" else "abandoned", 0

    def renew(self, number: int) -> tuple[str, int]:
        state, ends = self.stand(number)
        visitor = self.visitors[number]
        if state == "admitted":
            most = visitor.start_ms + (self.room.pass_cap_ms or self.room.pass_ms)
            ends = visitor.ends_ms = max(ends, min(self.now_ms + self.room.pass_ms, most))
        return state, ends

    def extend(self, number: int) -> tuple[str, int]:
        state, ends = self.stand(number)
        visitor = self.visitors[number]
        if state == "called":
            visitor.extensions += 1
            if visitor.extensions <= EXTENSIONS_MAX:
                self._own_turn(visitor)
                ends = max(ends, self.now_ms + self.room.claim_window_ms)
        return state, ends

    # -- the leader ----------------------------------------------------------

    def look(self) -> None:
        if self.now_ms - self.at_ms > HELD_MS or self.room.suspended:
            self.full_ms = self.now_ms
        if self.full_ms + self.room.claim_window_ms > self.now_ms:
            return
        for visitor in self.visitors.values():
            if visitor.own_ms and visitor.own_ms <= self.now_ms:
                visitor.end_turn()
                self.due -= 1
                self.missed += 1

    def advance(self, serving: int, expired: int, again: int, at_once: int) -> None:
        for number in range(self.expired + 1, expired + 1):
            missed = not self.visitors[number].turned
            self.missed += missed
            self.due -= missed
        self.expired = max(self.expired, expired)
        for number in range(self.serving + 1, serving + 1):
            self.visitors[number].called_ms = self.now_ms
            self.due += 1
        # In the order of their names, as the store sorts what has one score.
        waiting = sorted((number for number, each in self.visitors.items() if each.own_ms == 0), key=str)
        for number in waiting[:again]:
            self.visitors[number].own_ms = self.now_ms + self.room.claim_window_ms
            self.due += 1
            self.recalled += 1
        self.at_ms, self.at_once = self.now_ms, at_once

    # -- parts ---------------------------------------------------------------

    def _admit(self, visitor: Visitor) -> tuple[str, int]:
        visitor.turned, visitor.start_ms = True, self.now_ms
        visitor.ends_ms = self.now_ms + self.room.pass_ms
        return "admitted", visitor.ends_ms

    def _own_turn(self, visitor: Visitor) -> None:
        visitor.turned = True
        visitor.own_ms = max(visitor.own_ms or 0, self.now_ms + self.room.claim_window_ms)

    def _free(self, visitor: Visitor) -> int:
        for each in self.visitors.values():
            if each.asking_since is not None and each.asked_ms <= self.now_ms - ASKED_MS:
                each.asking_since = None
        asking = [each.asking_since for each in self.visitors.values() if each.asking_since is not None]
        mine = visitor.asking_since
        before = sum(1 for since in asking if mine is None or since < mine)
        return self.room.active_cap - self.active - before
