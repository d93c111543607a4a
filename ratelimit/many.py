"""A long list of independent checks: one call of the store for each policy and 64 keys."""

from collections.abc import Callable, Sequence
from functools import partial

from ratelimit.check import Check
from ratelimit.decision import Decision, Taken
from ratelimit.judge import Judge
from ratelimit.policy import Policy
from ratelimit.store import Store, StoreUnavailable


class Many:
    """The answers as they come; ``done`` gets them all, in the order of the checks."""

    __slots__ = ("_checks", "_decisions", "_done", "_judge", "_left")

    def __init__(
        self,
        checks: Sequence[Check],
        store: Store,
        judge: Judge,
        done: Callable[[list[Decision]], None],
    ) -> None:
        self._checks = checks
        self._judge = judge
        self._done = done
        self._decisions: dict[int, Decision] = {}
        self._left = len(checks)
        by_policy = self._asked()
        if not self._left:
            self._finish()
        for indices in by_policy.values():
            store.ask_each([checks[index] for index in indices], partial(self._answered, indices))

    def _asked(self) -> dict[Policy, list[int]]:
        """Those that the store must decide, by policy."""
        by_policy: dict[Policy, list[int]] = {}
        for index, check in enumerate(self._checks):
            decision = self._judge.at_once(check)
            if decision is not None:
                self._decisions[index] = decision
                self._left -= 1
            else:
                by_policy.setdefault(check.policy, []).append(index)
        return by_policy

    def _answered(
        self, indices: list[int], part: Sequence[int], taken: Sequence[Taken] | StoreUnavailable
    ) -> None:
        checks, judge = self._checks, self._judge
        answered = [indices[place] for place in part]
        if isinstance(taken, StoreUnavailable):
            self._decisions.update((index, judge.without(checks[index], taken)) for index in answered)
        else:
            for index, one in zip(answered, taken, strict=True):
                self._decisions[index] = judge.taken(checks[index], one)
        self._left -= len(answered)
        if not self._left:
            self._finish()

    def _finish(self) -> None:
        decisions = self._decisions
        self._done([decisions[index] for index in range(len(self._checks))])
