"""A store that is slow counts as away.

A limiter that waits 200 ms for each answer has stopped the service that it protects. A store that is gone
or frozen is the client's affair: its breaker opens. One that answers, but late, breaks nothing there; here
it does::

    prompt --a question waits longer than the patience--> slow --a peek is answered within it--> prompt

While it is slow every question is refused at once, so that its policy decides, and one peek at a time asks
whether that is over. Questions that were under way when it began wait for their late answers. Nothing is
timed but one question at a time, so a prompt store costs a decision two comparisons.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from ratelimit.check import Check
from ratelimit.decision import Taken
from ratelimit.policy import Policy
from ratelimit.store import DoneAll, DoneEach, DoneOne, DoneReserved, Store, StoreUnavailable

PATIENCE_MS = 100
"""Less than half of the client's own deadline. With 1,600 checks in flight on two busy cores a sound store
took more than 50 now and then, and a worker that decides alone for that is worse than a slow answer."""

LATE_MS = 5
"""A timer that fires so late says that this process stood still, not the store: the clock starts anew."""


Answer = TypeVar("Answer")


class Patient:
    """A ``Store`` that is asked as long as it answers within ``patience_ms``."""

    def __init__(self, store: Store, *, patience_ms: int = PATIENCE_MS) -> None:
        self._store = store
        self._patience_seconds = patience_ms / 1000
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._turn = 0  # of the question that is being timed: an answer to an earlier one says nothing
        self.slow = False

    def ask(self, check: Check, done: DoneOne) -> None:
        if self.slow:
            self._peek(check)
            done(_slow())
        elif self._timer is None:
            self._store.ask(check, self._timed(done))
        else:
            self._store.ask(check, done)

    def ask_each(self, checks: Sequence[Check], done: DoneEach) -> None:
        if self.slow:
            self._peek(checks[0])
            done(range(len(checks)), _slow())
        elif self._timer is None:
            turn = self._start_turn()
            self._store.ask_each(checks, partial(self._answered_each, turn, done))
        else:
            self._store.ask_each(checks, done)

    def ask_all(self, checks: Sequence[Check], done: DoneAll) -> bool:
        if self.slow:
            self._peek(checks[0])
            done(_slow())
            return True
        if self._timer is not None:
            return self._store.ask_all(checks, done)
        turn = self._start_turn()
        asked = self._store.ask_all(checks, partial(self._answered, turn, done))
        if not asked:
            self._stop(turn)
        return asked

    def parts(self, checks: Sequence[Check]) -> list[list[int]]:
        return self._store.parts(checks)

    def reserve(self, checks: Sequence[Check], done: DoneReserved) -> None:
        if self.slow:
            self._peek(checks[0])
            done(_slow())
        elif self._timer is None:
            self._store.reserve(checks, partial(self._answered, self._start_turn(), done))
        else:
            self._store.reserve(checks, done)

    def give_back(
        self, policy: Policy, key: str, units: int, done: DoneOne, mark_us: int | None = None
    ) -> None:
        self._store.give_back(policy, key, units, done, mark_us)

    async def forget(self, policy: Policy, key: str) -> bool:
        return await self._store.forget(policy, key)

    def _peek(self, check: Check) -> None:
        """Ask without taking, if nobody asks already; the answer interests only the clock."""
        if self._timer is None:
            self._store.ask(Check(check.policy, check.key, 0), self._timed(_nobody))

    def _timed(self, done: DoneOne) -> DoneOne:
        return partial(self._answered, self._start_turn(), done)

    def _start_turn(self) -> int:
        self._turn += 1
        self._start(self._turn)
        return self._turn

    def _start(self, turn: int) -> None:
        due = self._loop.time() + self._patience_seconds
        self._timer = self._loop.call_at(due, self._overdue, turn, due)

    def _overdue(self, turn: int, due: float) -> None:
        if (self._loop.time() - due) * 1000 > LATE_MS:
            self._start(turn)
        else:
            self.slow = True
            self._timer = None  # given up: the next peek is timed instead

    def _answered(self, turn: int, done: Callable[[Answer], None], answer: Answer) -> None:
        self._stop(turn)
        done(answer)

    def _answered_each(
        self, turn: int, done: DoneEach, indices: Sequence[int], answers: Sequence[Taken] | StoreUnavailable
    ) -> None:
        self._stop(turn)
        done(indices, answers)

    def _stop(self, turn: int) -> None:
        if turn == self._turn and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self.slow = False


def _slow() -> StoreUnavailable:
    return StoreUnavailable("the store answers too late to be waited for")


def _nobody(answer: Taken | StoreUnavailable) -> None:
    """The peek has told what it was for by being answered in time."""
