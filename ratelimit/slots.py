"""What may be under way at once: acquire a slot, release it with how it went."""

from ratelimit.check import KEY_BYTES_MAX
from ratelimit.decision import Decision
from ratelimit.judge import Judge
from ratelimit.policy import Policy
from ratelimit.store import Holdings, Outcome, StoreUnavailable

LATENCY_MS_MAX = 24 * 3600 * 1000


class Slots:
    """``slot`` is the caller's id of what it does: acquired twice it is one, released twice as once.

    Whoever dies with a slot in hand blocks it until the policy's ``slot_seconds`` have passed.
    """

    def __init__(self, holdings: Holdings, judge: Judge) -> None:
        self._holdings = holdings
        self._judge = judge

    async def acquire(self, policy: Policy, key: str, slot: str) -> Decision:
        """ "" only looks. ``retry_after_ms`` is a hint: a slot may be released at any moment.

        While the store is away ``open`` lets everyone pass, and all else refuses: nobody could count.
        """
        _check_words(policy, key, slot)
        if policy.limit == 0:
            return Decision(False, policy.id, 0, 0, 0, None, "ban")
        try:
            taken, limit = await self._holdings.acquire(policy, key, slot)
        except StoreUnavailable:
            return self._judge.slotless(policy, key)
        return self._judge.slotted(policy, key, taken, limit)

    async def release(self, policy: Policy, key: str, slot: str, outcome: Outcome, latency_ms: float) -> bool:
        """``ignored`` teaches an adaptive limit nothing, ``dropped`` backs it off. False: not held any more.

        Raises StoreUnavailable; the slot is then free after ``slot_seconds``.
        """
        _check_words(policy, key, slot or "?")
        if not 0 <= latency_ms <= LATENCY_MS_MAX:
            raise ValueError(f"latency_ms is {latency_ms}, not 0..{LATENCY_MS_MAX}")
        return await self._holdings.release(policy, key, slot, outcome, round(latency_ms * 1000))


def _check_words(policy: Policy, key: str, slot: str) -> None:
    if policy.kind != "slots" and policy.kind != "ban":
        raise ValueError(f"{policy.id} counts units: check it")
    for name, word in (("key", key), ("slot", slot or "?")):
        if not word or len(word.encode()) > KEY_BYTES_MAX:
            raise ValueError(f"{name} is empty or longer than {KEY_BYTES_MAX} bytes")
