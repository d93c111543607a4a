"""A limiter's slow way: everything that a decision needs when it is not simply spent from a lease.

A key that is asked for seldom costs one exact check each. From ``HOT_PER_SECOND`` on a lease is taken, of
what the key uses in half a second, and the next one while a quarter is left; one caller a key asks, the
others wait for what it brings. What the platform refuses is refused here until the wait is over, a second at
most. Idle leases go back.

Nothing here can admit more than was granted: a lease is deducted before it is spent, ends for its holder
before it ends for its grantor, is never spent by a forked child, and is spent no more once it was given back.
"""

from sadd_client.borrower import Borrower
from sadd_client.clock import now
from sadd_client.decider import Decider
from sadd_client.decision import Check, Decision
from sadd_client.errors import PlatformAway, Problem
from sadd_client.faultlog import FaultLog
from sadd_client.ledger import Ledger
from sadd_client.loss import OnLoss
from sadd_client.ports import Io, Turnstile
from sadd_client.slice import Slice
from sadd_client.stats import LimiterStats


class Holder:
    """Of one policy: ``about`` is a check that lacks its key. ``tokens_max`` 0 takes no leases."""

    def __init__(
        self, about: Check, decider: Decider, io: Io, on_loss: OnLoss | None, keys_max: int, tokens_max: int
    ) -> None:
        self.leased = Decision(True, about.policy, decided_by="lease")
        self.ledger = Ledger(keys_max)
        self.closed = False
        self._about = about
        self._decider = decider
        self._io = io
        self._on_loss = on_loss
        self._borrower = Borrower(decider, io, self.ledger, tokens_max)
        self.mutex = self._borrower.mutex
        """Guards the ledger against other threads."""
        self._faults = FaultLog("limits of %s are not decided by the platform")

    async def decide(self, key: str, cost: int = 1) -> Decision:
        """The whole way. Raises Problem, never PlatformAway."""
        if self.closed:
            raise RuntimeError("this limiter is closed")
        check = self._question(key, cost)
        began = now()
        with self.mutex:
            held = self.ledger.slice(key, began)
            answer = self._known(held, cost, began)
            fetch = answer is self.leased and held.runs_low(began)
            if fetch:
                held.refilling, held.low = True, 0
            leases = answer is None and cost > 0 and self._borrower.wanted(held, cost, began) > 0
            unused = self.ledger.surplus(began) + self._borrower.idle(began)
        if unused:
            self._io.start(self._borrower.give_back(check.policy, unused))
        if fetch:
            self._io.start(self._refill(held, key))
        if answer is not None:
            return answer
        deadline = began + self._decider.deadline_seconds
        return await (self._in_turn if leases else self._check)(held, check, deadline)

    async def guard(self, key: str, cost: int = 1) -> Decision:
        """For doors that must not fall with their keeper: a Problem is logged, and counts as a loss."""
        away = PlatformAway("this limiter is closed")
        try:
            if not self.closed:
                return await self.decide(key, cost)
        except Problem as problem:
            self._faults.note(self._about.policy, problem)
            away = PlatformAway(str(problem))
        return self._decider.decide_here(self._question(key, cost), away, self._on_loss)

    async def close(self) -> None:
        """Give back what is unused, for as long as one call may take. Afterwards nothing can be decided."""
        self.closed = True
        await self._borrower.end(self._about.policy)

    def stats(self) -> LimiterStats:
        with self.mutex:
            return self.ledger.stats(now())

    def forget(self) -> None:
        """For a forked child."""
        self._borrower.forget()
        self.mutex = self._borrower.mutex

    def _question(self, key: str, cost: int) -> Check:
        return Check(self._about.policy, key, cost, self._about.route, self._about.descriptors)

    def _known(self, held: Slice, cost: int, at: float) -> Decision | None:
        """What needs no question. Within the mutex."""
        if cost == 0:
            return None
        if held.take(cost, at):
            return self.leased
        refusal = held.refusal(cost, at)
        self.ledger.refused_here += refusal is not None
        return refusal

    async def _check(self, held: Slice, check: Check, deadline: float) -> Decision:
        asked_at = now()
        decision = await self._decider.check(check, deadline=deadline, on_loss=self._on_loss)
        with self.mutex:
            self.ledger.checked += 1
            if decision.decided_by == "platform" and decision.fallback is None and check.cost:
                if decision.allowed:
                    held.used(check.cost)
                else:
                    held.refuse(decision, check.cost, asked_at)
        return decision

    async def _in_turn(self, held: Slice, check: Check, deadline: float) -> Decision:
        """One caller a key asks; who waited looks first whether that was enough."""
        turn = self._turn_of(held)
        if not await turn.acquire(deadline):
            away = PlatformAway("others waited for the same lease until the deadline")
            return self._decider.decide_here(check, away, self._on_loss)
        try:
            with self.mutex:
                answer = self._known(held, check.cost, now())
            if answer is None:
                await self._borrower.borrow(held, check, deadline)
                with self.mutex:
                    answer = self._known(held, check.cost, now())
            return answer or await self._check(held, check, deadline)
        finally:
            turn.release()

    async def _refill(self, held: Slice, key: str) -> None:
        """Fetch the next lease while there is still some of this one. A Problem is the next caller's too."""
        deadline = self._decider.deadline()
        turn = self._turn_of(held)
        try:
            if await turn.acquire(deadline):
                try:
                    await self._borrower.borrow(held, self._question(key, 1), deadline)
                finally:
                    turn.release()
        except Problem as problem:
            self._faults.note(self._about.policy, problem)
        finally:
            held.refilling = False

    def _turn_of(self, held: Slice) -> Turnstile:
        with self.mutex:
            if held.turn is None:
                held.turn = self._io.turnstile(1)
            return held.turn
