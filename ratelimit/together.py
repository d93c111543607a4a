"""Several limits of one request whose counters lie in more than one slot: reserve and confirm.

::

    slot A: [agency, service]   slot B: [citizen]        both asked at once, each all or nothing
    A took, B took       allowed
    A took, B denied     what A took is given back; until then others see it as used
    A took, B away       B's policies decide by their own way; a denial gives back as above

So nothing is ever admitted that a limit forbids. A worker that dies between the two trips leaves units
reserved that nobody used: they come back with the window, as any others.
"""

from collections.abc import Callable, Sequence
from functools import partial

from ratelimit.check import Check
from ratelimit.decision import Decision, Taken
from ratelimit.fallback import Fallback
from ratelimit.store import Store, StoreUnavailable


class Together:
    """One request on its way. ``done`` gets a decision for each check, in order."""

    __slots__ = ("_checks", "_decisions", "_done", "_fallback", "_left", "_parts", "_store")

    def __init__(
        self,
        checks: Sequence[Check],
        store: Store,
        fallback: Fallback,
        done: Callable[[list[Decision]], None],
    ) -> None:
        self._checks = checks
        self._store = store
        self._fallback = fallback
        self._done = done
        self._parts = store.parts(checks)
        self._left = len(self._parts)
        self._decisions: dict[int, Decision] = {}

    def ask(self) -> None:
        for part in self._parts:
            checks = [self._checks[index] for index in part]
            self._store.ask_all(checks, partial(self._answered, part, checks))

    def _answered(
        self, part: list[int], checks: list[Check], taken: Sequence[Taken] | StoreUnavailable
    ) -> None:
        if isinstance(taken, StoreUnavailable):
            decisions = self._fallback.decide_all(checks)
        else:
            decisions = [Decision.of(check.policy, one) for check, one in zip(checks, taken, strict=True)]
        self._decisions.update(zip(part, decisions, strict=True))
        self._left -= 1
        if not self._left:
            self._finish()

    def _finish(self) -> None:
        decisions = self._decisions
        if len(self._parts) > 1 and not all(decision.allowed for decision in decisions.values()):
            for part in self._parts:
                if all(decisions[index].allowed for index in part):
                    self._give_back(part)
        self._done([decisions[index] for index in range(len(self._checks))])

    def _give_back(self, part: list[int]) -> None:
        for index in part:
            check, decision = self._checks[index], self._decisions[index]
            if not check.cost:
                continue
            if decision.decided_by == "store":
                self._store.give_back(check.policy, check.key, check.cost, _nobody)
            else:
                self._fallback.give_back(check.policy, check.key, check.cost)
            self._decisions[index] = _as_if_alone(decision, check.cost)


def _as_if_alone(decision: Decision, cost: int) -> Decision:
    return Decision(
        True,
        decision.policy,
        decision.limit,
        decision.remaining + cost,
        decision.reset_after_ms,
        None,
        decision.decided_by,
    )


def _nobody(taken: Taken | StoreUnavailable) -> None:
    """If the giving back failed the units stay used until their window ends, which admits no more."""
