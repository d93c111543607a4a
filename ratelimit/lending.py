"""Granting leases and taking back what was not used; see ``lease`` for what they promise."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from ratelimit.check import Check
from ratelimit.judge import Judge
from ratelimit.lease import NONCE_BYTES, Lease, LeaseName, holders_ms
from ratelimit.policy import Policy
from ratelimit.store import Holdings, StoreUnavailable

UNITS_MAX = 1_000_000


@dataclass(slots=True)
class LeaseCounts:
    """In units of quota, but for ``granted``. Units lent less those ended are outstanding, or lapsed."""

    granted: int = 0
    units_lent: int = 0
    units_ended: int = 0
    units_returned: int = 0
    units_late: int = 0
    """Unused, but given back when their lease had ended: admitted to nobody. The measured under-admission."""


class Lending:
    def __init__(
        self, holdings: Holdings, judge: Judge, nonce: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._holdings = holdings
        self._judge = judge
        self._nonce = nonce
        self.counts = LeaseCounts()

    async def lease(self, policy: Policy, key: str, units: int) -> Lease:
        """Up to ``units``; none when the limit is used up, or the store away: then nothing is lent."""
        if not 1 <= units <= UNITS_MAX:
            raise ValueError(f"a lease is of 1..{UNITS_MAX} units, not {units}")
        check = Check(policy, key)
        name = LeaseName(policy.id, key, self._nonce(NONCE_BYTES))
        decision = self._judge.at_once(check)
        if decision is not None:
            return Lease(name.id, policy.id, key, 0, 0, decision)
        try:
            taken, keep_ms = await self._holdings.lease(policy, name, units)
        except StoreUnavailable:
            return Lease(name.id, policy.id, key, 0, 0, self._judge.refused_away(policy))
        granted = taken[0]
        decision = self._judge.worded(check, (int(granted > 0), *taken[1:]))
        self.counts.granted += granted > 0
        self.counts.units_lent += granted
        return Lease(name.id, policy.id, key, granted, holders_ms(keep_ms), decision)

    async def give_back(self, policy: Policy, lease_id: str, unused: int) -> int:
        """The units that count as unused again; 0 when the lease had ended, the second time, and while the
        policy counts nothing (a ban, no limit).

        Raises StoreUnavailable, and ValueError when it is no lease of ``policy``.
        """
        name = LeaseName.of(lease_id)
        if name.policy != policy.id:
            raise ValueError(f"not a lease of {policy.id}")
        if not 0 <= unused <= UNITS_MAX:
            raise ValueError(f"unused is {unused}, not 0..{UNITS_MAX}")
        if policy.kind != "counts":  # it did when it lent; its counter stays as it was, should it count again
            return 0
        returned, had = await self._holdings.end_lease(policy, name, unused)
        self.counts.units_ended += had
        self.counts.units_returned += returned
        self.counts.units_late += 0 if had else unused
        if returned:
            self._judge.known.forget(policy, name.key)
        return returned
