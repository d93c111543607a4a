"""A slice of a limit, lent to one holder: its units are taken when it is granted.

::

    grantor  |-- keep_ms ---------------------------| units not given back by now stay used
    holder   |-- expires_in_ms --------|  margin    | counted from before it asked
             taken: 100                  gives back 30, once

So whatever dies, nobody ever uses a unit that is not taken: over-admission is zero by construction, and
what a dead holder had left is lost until its time has passed in the counter. Units count from the moment
of granting: those of a window or quota must be used in it; under GCRA and in a sliding window they may be
used up to ``expires_in_ms`` later than they were counted.
"""

import base64
import binascii
from dataclasses import dataclass

from ratelimit.decision import Decision

KEEP_MS = 10_000
KEEP_MS_MIN = 500
"""A shorter lease would be over before its first use."""
MARGIN_SHARE = 0.1
"""Of its time the holder leaves to the grantor: clocks differ in speed, and processes pause."""
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Lease:
    """``granted`` may be less than wanted. 0 is a refusal: ``decision`` says when to come again."""

    id: str
    policy: str
    key: str
    granted: int
    expires_in_ms: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class LeaseName:
    """What a lease's id says: of which policy and key it is, and which one of them."""

    policy: str
    key: str
    nonce: bytes

    @property
    def id(self) -> str:
        text = b"\0".join((self.policy.encode(), self.key.encode().hex().encode(), self.nonce.hex().encode()))
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    @classmethod
    def of(cls, lease_id: str) -> "LeaseName":
        """Raises ValueError for what is no id of a lease. It proves nothing: only the store knows leases."""
        try:
            text = base64.b64decode(lease_id + "=" * (-len(lease_id) % 4), b"-_", validate=True)
            policy, key, nonce = text.split(b"\0")
            name = cls(policy.decode(), bytes.fromhex(key.decode()).decode(), bytes.fromhex(nonce.decode()))
        except (ValueError, binascii.Error):
            raise ValueError("not the id of a lease") from None
        if len(name.nonce) != NONCE_BYTES:
            raise ValueError("not the id of a lease")
        return name


def holders_ms(keep_ms: int) -> int:
    """How long the holder may use what the grantor keeps for ``keep_ms``."""
    return int(keep_ms * (1 - MARGIN_SHARE))
