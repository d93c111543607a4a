"""A namespace of one agency: where its keys lie in the store, and within which bounds."""

import re
from dataclasses import dataclass, field
from hashlib import blake2b

from cache.policy import Times

NAMESPACE = re.compile(r"[a-z0-9][a-z0-9-]{0,86}")
TENANT = re.compile(r"[^\s{}:|]{1,128}")
KEY_BYTES_MAX = 1_024
BODY_BYTES_MAX = 1_048_576
SPACE_BYTES_MAX = 268_435_456
SPACE_ENTRIES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Space:
    """What a namespace is. ``tenant`` comes from the caller's key, never from the request.

    Two with one tenant and namespace are one in the store: who asks with other bounds is bound by them for
    that call. Raises ValueError for what cannot be.
    """

    tenant: str
    namespace: str
    bytes_max: int = SPACE_BYTES_MAX
    """Of all living entries as stored (packed, sealed, with their heads)."""
    entries_max: int = SPACE_ENTRIES_MAX
    body_bytes_max: int = BODY_BYTES_MAX
    evicts: bool = False
    """When full: end the entries that would end soonest, instead of refusing the new one."""
    sealed: bool = False
    compress_above_bytes: int | None = None
    jitter: float = 0.0
    """By how much of its life an entry's end is drawn forward, at most; the same for a key each time."""
    lease_ms: int = 3_000
    """How long a load goes on without a sign of life. What loads in this process gives one by itself."""
    load_ms_max: int = 120_000
    uncacheable_ms: int = 30_000
    """How long it is remembered that what a key gives cannot be shared."""
    early: float = 1.0
    """XFetch's beta, which counts only for entries that may never be served stale; 0 = never early."""
    name: str = field(init=False, repr=False, compare=False)
    prefix: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not TENANT.fullmatch(self.tenant):
            raise ValueError("a tenant is 1 to 128 characters without spaces, colons and braces")
        if not NAMESPACE.fullmatch(self.namespace):
            raise ValueError("a namespace is 1 to 87 of a-z, 0-9 and -, and does not begin with -")
        if not 0 <= self.jitter <= 0.5:
            raise ValueError(f"jitter is a part of 0 to 0.5 of an entry's life, not {self.jitter}")
        object.__setattr__(self, "name", f"{self.tenant}:{self.namespace}")
        object.__setattr__(self, "prefix", f"cache:{{{self.tenant}:{self.namespace}}}:".encode())

    def lease_place(self, key: str) -> bytes:
        """Where it says who may load the entry."""
        return self.prefix + b"l:" + key.encode()

    def place(self, key: str) -> bytes:
        """The store's name of an entry. Raises ValueError for a key that cannot be one."""
        place = key.encode()
        if not 0 < len(place) <= KEY_BYTES_MAX:
            raise ValueError(f"a key has 1 to {KEY_BYTES_MAX} bytes")
        return self.prefix + b"e:" + place

    def drawn(self, key: str, times: Times) -> Times:
        """The times with this key's jitter: entries that came together do not all go together."""
        if not self.jitter:
            return times
        part = int.from_bytes(blake2b(key.encode(), digest_size=4).digest(), "big") / 2**32
        return times.sooner(int(times.soft_ms * self.jitter * part))
