"""What the limiter counted since it was built."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LimiterStats:
    """Mappings are by policy: at most 1,000 of them by name, and ``other``; a key is never a label."""

    allowed: int
    refused: int
    fallback_open: int
    fallback_closed: int
    fallback_local: int
    store_faults: int
    """Of those three, because the store answered with an error: a defect, not an outage."""
    local_keys: int
    """Keys that the fallback remembers now; a gauge."""
    known_keys: int
    """Keys known to be over now; a gauge."""
    known_hits: int
    """Refused in this worker, without a trip."""
    leases: int
    """Granted here."""
    lease_units_lent: int
    lease_units_ended: int
    """Of leases that their holders ended. Lent less ended, over all workers, is outstanding or lapsed."""
    lease_units_returned: int
    """Unused and given back in time."""
    lease_units_late: int
    """Unused and given back too late, so admitted to nobody: under-admission."""
    policy_allowed: dict[str, int]
    policy_refused: dict[str, int]
    policy_near: dict[str, int]
    """Allowed with less than a fifth left."""
    policy_fallback: dict[str, int]
    """Decided while the store was away."""
