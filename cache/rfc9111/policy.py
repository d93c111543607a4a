"""What a service decides about its shared cache where HTTP leaves a choice."""

from dataclasses import dataclass

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Policy:
    """All times in milliseconds. The defaults add nothing to what the origin says."""

    heuristic: bool = False
    """An answer without a freshness of its own may be kept (RFC 9111, section 4.2.2)."""
    heuristic_ms_max: int = DAY_MS
    negative_ms: int = 0
    """Most that a 404 or 410 is fresh; 0: they are not kept."""
    stale_ms: int = 0
    """Stale while it is renewed, where the origin says nothing of it and forbids nothing."""
    error_ms: int = 0
    """The same while the origin fails."""
    keep_ms: int = DAY_MS
    """What has a validator is kept for so long after it may be served, to be validated."""
    languages: tuple[bytes, ...] = ()
    """Those in which the service answers, in small letters; (): Accept-Language is taken as it comes."""
    coded: tuple[bytes, ...] = (b"zstd", b"br", b"gzip")
    """Content codings that are told to an origin."""
