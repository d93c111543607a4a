"""Several limits of one request: all or nothing, in one trip, or by reserve and confirm.

Counters that share a slot are decided by one call, and all counters of a single node do. On a cluster::

    slot A: [agency, service]   slot B: [citizen]        both asked at once, each all or nothing
    A took, B took       allowed
    A took, B denied     what A took is given back; until then others see it as used
    A took, B away       B's policies decide by their own way; a denial gives back as above

What is given back is what still counts of that very taking, so the counter is as if it had never been asked.
So nothing is ever admitted that a limit forbids. A worker that dies between the two trips leaves units
reserved that nobody used: they come back with the window, as any others.
"""

from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from ratelimit.check import Check
from ratelimit.decision import Decision, Taken, Verdict
from ratelimit.judge import Judge
from ratelimit.store import Reserved, Store, StoreUnavailable


def judged(
    judge: Judge,
    checks: Sequence[Check],
    done: Callable[[Verdict], None],
    taken: Sequence[Taken] | StoreUnavailable,
) -> None:
    """Says to ``done`` what one call for all checks means."""
    if isinstance(taken, StoreUnavailable):
        done(_counted(judge, checks, judge.without_all(checks, taken)))
        return
    for one in taken:
        if one[0] != 1:
            words = [judge.worded(check, one) for check, one in zip(checks, taken, strict=True)]
            done(_counted(judge, checks, words))
            return
    done(Verdict(True, tuple([judge.taken(check, one) for check, one in zip(checks, taken, strict=True)])))


class Reservation:
    """One request whose counters lie in several slots, on its way."""

    __slots__ = ("_checks", "_decisions", "_done", "_judge", "_left", "_marks", "_parts", "_store")

    def __init__(
        self, checks: Sequence[Check], store: Store, judge: Judge, done: Callable[[Verdict], None]
    ) -> None:
        self._checks = checks
        self._store = store
        self._judge = judge
        self._done = done
        self._parts = store.parts(checks)
        self._left = len(self._parts)
        self._decisions: dict[int, Decision] = {}
        self._marks: dict[int, int] = {}

    def ask(self) -> None:
        for part in self._parts:
            checks = [self._checks[index] for index in part]
            self._store.reserve(checks, partial(self._answered, part, checks))

    def _answered(
        self, part: list[int], checks: list[Check], taken: Sequence[Reserved] | StoreUnavailable
    ) -> None:
        if isinstance(taken, StoreUnavailable):
            decisions = self._judge.without_all(checks, taken)
        else:
            decisions = [
                self._judge.worded(check, one) for check, (one, _) in zip(checks, taken, strict=True)
            ]
            self._marks.update((index, mark) for index, (_, mark) in zip(part, taken, strict=True))
        self._decisions.update(zip(part, decisions, strict=True))
        self._left -= 1
        if not self._left:
            self._finish()

    def _finish(self) -> None:
        if not all(decision.allowed for decision in self._decisions.values()):
            for part in self._parts:
                if all(self._decisions[index].allowed for index in part):
                    self._give_back(part)
        decisions = [self._decisions[index] for index in range(len(self._checks))]
        self._done(_counted(self._judge, self._checks, decisions))

    def _give_back(self, part: list[int]) -> None:
        for index in part:
            check, decision = self._checks[index], self._decisions[index]
            if not check.cost:
                continue
            if decision.decided_by == "store":
                self._store.give_back(check.policy, check.key, check.cost, _nobody, self._marks[index])
            else:
                self._judge.fallback.give_back(check.policy, check.key, check.cost)
            # As if alone. The time to reset is still that of the taking, which is later by a moment.
            self._decisions[index] = replace(decision, remaining=decision.remaining + check.cost)


def _counted(judge: Judge, checks: Sequence[Check], decisions: Sequence[Decision]) -> Verdict:
    """Of a denied request only those that denied are counted: nothing was taken from the others."""
    verdict = Verdict.of(decisions)
    for check, decision in zip(checks, decisions, strict=True):
        if verdict.allowed or not decision.allowed:
            judge.tally.count(check.policy, check.key, decision)
    return verdict


def _nobody(taken: Taken | StoreUnavailable) -> None:
    """If the giving back failed the units stay used until their window ends, which admits no more."""
