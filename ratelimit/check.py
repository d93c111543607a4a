"""One question to the limiter."""

from msgspec import Struct

from ratelimit.policy import Policy

COST_MAX = 1_000_000_000
KEY_BYTES_MAX = 512


class Check(Struct, frozen=True, gc=False):
    """May ``key`` take ``cost`` units of ``policy``? Cost 0 peeks.

    Raises ValueError for a cost or key out of bounds.
    """

    policy: Policy
    key: str
    cost: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.cost <= COST_MAX:
            raise ValueError(f"cost is {self.cost}, not 0..{COST_MAX}")
        key = self.key
        # Of UTF-8 no letter takes more than four: most keys need not be encoded to be measured.
        if not key or (4 * len(key) > KEY_BYTES_MAX and len(key.encode()) > KEY_BYTES_MAX):
            raise ValueError(f"key is empty or longer than {KEY_BYTES_MAX} bytes")
