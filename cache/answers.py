"""What the cache answers. A refusal is a value with numbers in it."""

from dataclasses import dataclass, field

from cache.entry import Content, Entry
from cache.policy import Times


@dataclass(frozen=True, slots=True)
class Miss:
    """Nothing to serve. ``store_away`` says that nobody knows whether there was; ``why`` is for people."""

    store_away: bool = False
    why: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to load. ``fill`` takes content only with the token, and only if nothing was purged since."""

    token: int
    ends_in_ms: int
    shared: bool = True
    """False: what this key gives was lately found uncacheable, so everybody may load and nobody waits."""
    stale: Entry | None = None
    """What may be served meanwhile (by leave of its times), in the place of an origin that fails (until its
    ``ends_ms()``), or only be validated (until its ``keep_ms``)."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Another has the right to load, and nothing may be served meanwhile."""

    retry_after_ms: int


@dataclass(frozen=True, slots=True)
class Stored:
    """Kept. ``stamp`` orders it among the purges of its namespace."""

    born_ms: int
    stamp: int


@dataclass(frozen=True, slots=True)
class Superseded:
    """Not kept: the lease ended, or key, tag or namespace was purged or put since it was granted."""


@dataclass(frozen=True, slots=True)
class Full:
    """Not kept: the namespace is at its bound."""

    bytes_used: int
    bytes_max: int
    entries: int
    entries_max: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load gave. Without times it cannot be shared: it is this caller's alone, and the waiters of the
    key load for themselves at once.

    ``uncacheable_ms`` is how long that is remembered; None = as the namespace says, 0 = not at all.
    """

    content: Content
    times: Times | None
    uncacheable_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """Why the next look-up of a key would be a hit or a miss. Times are ms of the store's clock."""

    verdict: str
    """fresh, stale, spare (only in the place of a failing origin), kept (to be validated), none, expired,
    tag-purged, namespace-purged, unreadable or store-away."""
    near: bool
    """This worker's memory would answer."""
    entry: Entry | None = None
    now_ms: int = 0
    lease_ends_in_ms: int = 0
    uncacheable_for_ms: int = 0
    feed_proven: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What a namespace holds in the store."""

    entries: int
    bytes_used: int
    tags_remembered: int
