"""A limiter's slow way: everything that a decision needs when it is not simply spent from a lease.

A key that is asked for seldom costs one exact check each. From ``HOT_PER_SECOND`` on a lease is taken, of
what the key uses in half a second, and the next one while a quarter is left; one caller a key asks, the
others wait for what it brings. What the platform refuses is refused here until the wait is over, a second at
most. Idle leases go back.

Nothing here can admit more than was granted: a lease is deducted before it is spent, ends for its holder
before it ends for its grantor, is never spent by a forked child, and is spent no more once it was given back.
"""

from collections.abc import Callable

from sadd_client.clock import now
from sadd_client.decider import Decider
from sadd_client.decision import Check, Decision
from sadd_client.errors import PlatformAway, Problem, SaddError, UnknownPath
from sadd_client.faultlog import FaultLog
from sadd_client.lease import Lease
from sadd_client.ledger import Ledger
from sadd_client.loss import OnLoss
from sadd_client.ports import Io, Turnstile
from sadd_client.slice import Slice
from sadd_client.stats import LimiterStats

REST_SECONDS = 0.2
"""After a lease that was not granted, of that key."""
NO_LEASES_SECONDS = 60.0
"""After the platform said that it knows no leases."""
TIDY_SECONDS = 0.5


class Holder:
    """Of one policy: ``about`` is a check that lacks its key. ``tokens_max`` 0 takes no leases."""

    def __init__(
        self, about: Check, decider: Decider, io: Io, on_loss: OnLoss | None, keys_max: int, tokens_max: int
    ) -> None:
        self._about = about
        self.policy = about.policy
        self.leased = Decision(True, about.policy, decided_by="lease")
        self.ledger = Ledger(keys_max)
        self.mutex = io.mutex()
        self._decider = decider
        self._io = io
        self._on_loss = on_loss
        self._tokens_max = tokens_max
        self._no_leases_until = 0.0
        self._tidied_at = now()
        self._tidying = False
        self._stop_tidying: Callable[[], object] = lambda: None
        self._faults = FaultLog()
        self.closed = False

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
            unused = self.ledger.surplus(began) + self._idle(began)
            leases = answer is None and cost > 0 and held.wanted(cost, began, self._tokens_now(began)) > 0
        if unused:
            self._io.start(self._give_back(unused))
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
            self._faults.note(self.policy, problem)
            away = PlatformAway(str(problem))
        return self._decider.decide_here(self._question(key, cost), away, self._on_loss)

    async def close(self) -> None:
        """Give back what is unused, for as long as one call may take. Afterwards nothing can be decided."""
        self.closed = True
        self._stop_tidying()
        with self.mutex:
            unused = self.ledger.everything(now())
        await self._give_back(unused)

    def stats(self) -> LimiterStats:
        with self.mutex:
            return self.ledger.stats(now())

    def forget(self) -> None:
        """For a forked child."""
        self.mutex = self._io.mutex()
        self.ledger.forget()
        self._tidying = False

    def _question(self, key: str, cost: int) -> Check:
        return Check(self.policy, key, cost, self._about.route, self._about.descriptors)

    def _known(self, held: Slice, cost: int, at: float) -> Decision | None:
        """What needs no question. Within the mutex."""
        if cost == 0:
            return None
        if held.take(cost, at):
            return self.leased
        refusal = held.refusal(cost, at)
        self.ledger.refused_here += refusal is not None
        return refusal

    def _tokens_now(self, at: float) -> int:
        return 0 if at < self._no_leases_until else self._tokens_max

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
                await self._lease(held, check, deadline)
                with self.mutex:
                    answer = self._known(held, check.cost, now())
            return answer or await self._check(held, check, deadline)
        finally:
            turn.release()

    def _turn_of(self, held: Slice) -> Turnstile:
        with self.mutex:
            if held.turn is None:
                held.turn = self._io.turnstile(1)
            return held.turn

    async def _refill(self, held: Slice, key: str) -> None:
        """Fetch the next lease while there is still some of this one."""
        deadline = self._decider.deadline()
        turn = self._turn_of(held)
        try:
            if await turn.acquire(deadline):
                try:
                    await self._lease(held, self._question(key, 1), deadline)
                finally:
                    turn.release()
        except Problem as problem:
            self._faults.note(self.policy, problem)
        finally:
            held.refilling = False

    async def _lease(self, held: Slice, check: Check, deadline: float) -> None:
        """Ask for a lease, and hold it. When there is none the key rests; a Problem is the caller's."""
        with self.mutex:
            wanted = held.wanted(check.cost, now(), self._tokens_now(now()))
        if wanted == 0:
            return
        try:
            lease = await self._decider.lease(check, wanted, deadline)
        except PlatformAway:
            lease = None
        except UnknownPath:
            self._no_leases_until, lease = now() + NO_LEASES_SECONDS, None
        with self.mutex:
            if lease is None:
                held.rest(now() + REST_SECONDS)
                return
            self.ledger.granted += lease.tokens
            if (
                lease.tokens < 2 * check.cost
            ):  # the quota is nearly used up: a lease is no better than a check
                held.rest(now() + REST_SECONDS)
            orphaned = self.closed or self.ledger.slices.get(check.key) is not held
            if not orphaned:
                held.add(lease, now())
        if orphaned:
            await self._give_back([(lease, lease.tokens)])
        else:
            self._keep_tidy()

    def _idle(self, at: float) -> list[tuple[Lease, int]]:
        """What nobody used for TIDY_SECONDS, looked for that often. Within the mutex."""
        if at - self._tidied_at < TIDY_SECONDS:
            return []
        self._tidied_at = at
        return self.ledger.idle(at)

    def _keep_tidy(self) -> None:
        """Where something can run beside the callers, leases go back although nobody calls any more."""
        if self._io.beside and not self._tidying:
            self._tidying = True
            self._stop_tidying = self._io.start(self._tidy())

    async def _tidy(self) -> None:
        try:
            while self.ledger.holds():
                await self._io.pause(TIDY_SECONDS)
                await self._give_back(self._idle(now()))
        finally:
            self._tidying = False

    async def _give_back(self, unused: list[tuple[Lease, int]]) -> None:
        await self._io.together(self._return(lease, tokens) for lease, tokens in unused)

    async def _return(self, lease: Lease, tokens: int) -> None:
        deadline = self._decider.deadline()
        with self.mutex:
            self.ledger.returned += tokens
        try:
            await self._decider.give_back(self.policy, lease.id, tokens, deadline)
        except SaddError:  # lost with its lease, then
            with self.mutex:
                self.ledger.returned -= tokens
                self.ledger.lost += tokens
