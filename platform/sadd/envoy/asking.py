"""One request on its way: its counters are asked, and when the last has answered it goes on.

::

    together   all or nothing: one that denies leaves the others as they were
    by itself  shadow_mode, quota_mode, refunds, and all when counting is independent

A denied addend uses up what is left of its own counter, in one more trip that nobody waits for: hits that
were reported after they happened (tokens of a stream) would else never count once they no longer fit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from ratelimit.check import Check
from ratelimit.decision import Decision, Verdict
from ratelimit.policy import Policy
from ratelimit.store import StoreUnavailable
from sadd.envoy.plan import Count


class Limiter(Protocol):
    """What is asked of the engine."""

    def ask(self, check: Check, done: Callable[[Decision], None]) -> None: ...

    def ask_together(self, checks: Sequence[Check], done: Callable[[Verdict], None]) -> None: ...

    def refund(self, policy: Policy, key: str, cost: int) -> Awaitable[Decision]: ...


_refunds: set["asyncio.Future[None]"] = set()
"""The loop holds tasks weakly; here they live until they are done."""


Done = Callable[[list[Decision], list[bool]], None]
"""Gets the decisions in the order of the counts, and for each whether its hits are in the counter now."""


def ask(limiter: Limiter, counts: Sequence[Count], done: Done) -> None:
    """Ask every counter; ``done`` is called once: at once, or with the tick's batch."""
    if not counts:
        done([], [])
    elif len(counts) == 1 and not counts[0].negative:  # as most are
        limiter.ask(_check(counts[0]), partial(_only, limiter, counts[0], done))
    else:
        _Asking(limiter, counts, done).begin()


def _only(limiter: Limiter, count: Count, done: Done, decision: Decision) -> None:
    if not decision.allowed:
        _use_up(limiter, count, decision)
    done([decision], [decision.allowed])


class _Asking:
    """The counters of one request, until the last has answered."""

    __slots__ = ("_counts", "_decisions", "_done", "_left", "_limiter", "_taken")

    def __init__(self, limiter: Limiter, counts: Sequence[Count], done: Done) -> None:
        self._limiter = limiter
        self._counts = counts
        self._done = done
        self._left = len(counts)
        self._decisions: dict[int, Decision] = {}
        self._taken = [False] * len(counts)

    def begin(self) -> None:
        counts = self._counts
        together = [place for place, count in enumerate(counts) if not count.by_itself]
        if len(together) > 1:
            checks = [_check(counts[place]) for place in together]
            self._limiter.ask_together(checks, partial(self._judged, together))
        for place, count in enumerate(counts):
            if count.negative:
                self._give_back(place, count)
            elif count.by_itself or len(together) == 1:
                self._limiter.ask(_check(count), partial(self._answered, place))

    def _answered(self, place: int, decision: Decision) -> None:
        if not decision.allowed:
            _use_up(self._limiter, self._counts[place], decision)
        self._put(place, decision, taken=decision.allowed)

    def _judged(self, together: Sequence[int], verdict: Verdict) -> None:
        if len(verdict.decisions) < len(together):
            self._look_at(together)
            return
        for place, decision in zip(together, verdict.decisions, strict=True):
            if not decision.allowed:
                _use_up(self._limiter, self._counts[place], decision)
            self._put(place, decision, taken=verdict.allowed)

    def _look_at(self, together: Sequence[int]) -> None:
        """One was denied from memory, so the store was not asked about the others: ask, and take nothing."""
        looks: dict[int, Decision] = {}
        for place in together:
            count = self._counts[place]
            self._limiter.ask(
                Check(count.policy, count.key, 0), partial(self._looked, together, looks, place)
            )

    def _looked(
        self, together: Sequence[int], looks: dict[int, Decision], place: int, decision: Decision
    ) -> None:
        looks[place] = decision
        if len(looks) < len(together):
            return
        left: dict[tuple[str, str], int] = {}
        for each in together:  # one counter may be asked twice
            count, look = self._counts[each], looks[each]
            key = count.policy.id, count.key
            rest = left.setdefault(key, look.remaining)
            fits = look.allowed and max(1, count.cost) <= rest
            left[key] = rest - (count.cost if fits else 0)
            if not fits:
                _use_up(self._limiter, count, look)
            self._put(each, look if fits is look.allowed else replace(look, allowed=fits), taken=False)

    def _give_back(self, place: int, count: Count) -> None:
        task = asyncio.ensure_future(self._refund(place, count))
        _refunds.add(task)
        task.add_done_callback(_refunds.discard)

    async def _refund(self, place: int, count: Count) -> None:
        policy = count.policy
        try:
            decision = await self._limiter.refund(policy, count.key, count.cost)
        except StoreUnavailable:
            decision = Decision(False, policy.id, policy.limit, 0, 0, None, "closed")
        self._put(place, decision, taken=False)

    def _put(self, place: int, decision: Decision, *, taken: bool) -> None:
        self._decisions[place] = decision
        self._taken[place] = taken
        self._left -= 1
        if not self._left:
            self._done([self._decisions[place] for place in range(len(self._counts))], self._taken)


def _use_up(limiter: Limiter, count: Count, decision: Decision) -> None:
    if decision.decided_by == "store" and 0 < decision.remaining < count.cost:
        limiter.ask(Check(count.policy, count.key, decision.remaining), _nobody)


def _check(count: Count) -> Check:
    return Check(count.policy, count.key, count.cost)


def _nobody(decision: Decision) -> None:
    """It does not matter: if this failed, a little less is used up than envoyproxy/ratelimit would have."""
