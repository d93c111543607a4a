"""From a store's answer, or from none, to a decision: what every way of asking has in common."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ratelimit.check import Check
from ratelimit.decision import DecidedBy, Decision, Taken
from ratelimit.fallback import CLOSED_RETRY_MS, Fallback
from ratelimit.faults import Faults
from ratelimit.known import KnownOver
from ratelimit.policy import Policy
from ratelimit.spread import Spread
from ratelimit.store import StoreUnavailable
from ratelimit.tally import Tally


class Judge:
    """Decides what needs no store, and words what the store took. Counts each decision once."""

    def __init__(
        self,
        *,
        holders: int,
        local_keys_max: int,
        known_keys_max: int,
        spread: Spread,
        now_us: Callable[[], int],
    ) -> None:
        self.known = KnownOver(keys_max=known_keys_max, now_us=now_us)
        self.fallback = Fallback(holders=holders, keys_max=local_keys_max, known=self.known, now_us=now_us)
        self.faults = Faults(now_us)
        self.tally = Tally()
        self._spread = spread

    def at_once(self, check: Check) -> Decision | None:
        """The decision that needs no store: a ban, no limit, or a key known to be over.

        Raises ValueError for a policy of slots.
        """
        policy = check.policy
        if policy.kind != "counts":
            return self._counted(check, _by_itself(policy))
        if self.known.any() and (times := self.known.find(check)) is not None:
            return self._counted(check, self._refused(policy, 0, *times, "memory"))
        return None

    def taken(self, check: Check, taken: Taken) -> Decision:
        """What the store's answer means."""
        decision = self.worded(check, taken)
        self.tally.count(check.policy, check.key, decision)
        return decision

    def worded(self, check: Check, taken: Taken) -> Decision:
        """The same, not counted: one of several limits, of which another one denied."""
        allowed, remaining, reset_us, retry_us = taken
        policy = check.policy
        if allowed == 1:
            if self.known.any():
                self.known.forget(policy, check.key)  # a reset elsewhere, or its time has come
            return Decision(True, policy.id, policy.limit, remaining, -(-reset_us // 1000), None)
        if remaining == 0 and retry_us > 0 and check.cost <= 1:
            self.known.remember(policy, check.key, reset_us, retry_us)
        return self._refused(policy, remaining, reset_us, retry_us, "store")

    def without(self, check: Check, gone: StoreUnavailable) -> Decision:
        """The store is away, or answers with an error."""
        self.faults.note(gone)
        return self._counted(
            check, self._spread_out(self.fallback.decide(check.policy, check.key, check.cost))
        )

    def without_all(self, checks: Sequence[Check], gone: StoreUnavailable) -> list[Decision]:
        """The same for several together; not counted."""
        self.faults.note(gone, len(checks))
        return [self._spread_out(decision) for decision in self.fallback.decide_all(checks)]

    def slotted(self, policy: Policy, key: str, taken: Taken, limit: int) -> Decision:
        """Of a slot: under the limit as it is now."""
        allowed, free, reset_us, retry_us = taken
        if allowed == 1:
            decision = Decision(True, policy.id, limit, free, -(-reset_us // 1000), None)
        else:
            decision = replace(self._refused(policy, free, reset_us, retry_us, "store"), limit=limit)
        self.tally.count(policy, key, decision)
        return decision

    def slotless(self, policy: Policy, key: str) -> Decision:
        """The store is away, and nobody else can count slots."""
        if policy.on_store_loss == "open":
            decision = Decision(True, policy.id, policy.limit, policy.limit, 0, None, "open")
        else:
            decision = self.refused_away(policy)
        self.tally.count(policy, key, decision)
        return decision

    def refused_away(self, policy: Policy) -> Decision:
        """The store is away, and without it there is nothing to give."""
        wait_ms = self._spread.over(CLOSED_RETRY_MS)
        return Decision(False, policy.id, policy.limit, 0, CLOSED_RETRY_MS, wait_ms, "closed")

    def _refused(
        self, policy: Policy, remaining: int, reset_us: int, retry_us: int, by: DecidedBy
    ) -> Decision:
        retry_ms = self._spread.over(-(-retry_us // 1000)) if retry_us > 0 else None
        return Decision(False, policy.id, policy.limit, remaining, -(-reset_us // 1000), retry_ms, by)

    def _spread_out(self, decision: Decision) -> Decision:
        if decision.retry_after_ms is None:
            return decision
        return replace(decision, retry_after_ms=self._spread.over(decision.retry_after_ms))

    def _counted(self, check: Check, decision: Decision) -> Decision:
        self.tally.count(check.policy, check.key, decision)
        return decision


def _by_itself(policy: Policy) -> Decision:
    match policy.kind:
        case "ban":
            return Decision(False, policy.id, 0, 0, 0, None, "ban")
        case "unlimited":
            return Decision(True, policy.id, policy.limit, policy.limit, 0, None, "unlimited")
    raise ValueError(f"{policy.id} counts what is under way: acquire it")
