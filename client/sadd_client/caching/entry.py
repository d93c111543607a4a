"""What the cache answers with, and what a loader gives it."""

from dataclasses import dataclass
from typing import Literal

from sadd_client.clock import now

Source = Literal["memory", "cache", "stale", "loaded", "away"]
"""From this process's memory, from the platform fresh or stale, from the loader; ``away`` is from the loader
because nobody could ask the platform, and is kept nowhere."""

SECONDS_MAX = 30 * 24 * 3600
CONTENT_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Times:
    """Fresh for ``fresh_seconds``; then for ``stale_seconds`` served while one caller loads anew.

    ``stale_on_error_seconds`` is how long after its freshness it may still be served when loading fails.
    """

    fresh_seconds: int
    stale_seconds: int = 0
    stale_on_error_seconds: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.fresh_seconds <= SECONDS_MAX or self.stale_seconds < 0:
            raise ValueError(f"an entry is fresh for 1 to {SECONDS_MAX} seconds, and stale from 0")
        if self.stale_on_error_seconds < 0:
            raise ValueError("stale_on_error_seconds is from 0")

    @property
    def cache_control(self) -> str:
        said = f"max-age={self.fresh_seconds}, stale-while-revalidate={self.stale_seconds}"
        return f"{said}, stale-if-error={self.stale_on_error_seconds}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loader found, where bytes alone do not say it.

    ``times`` None are those of the call. ``shared`` False: it is for this caller alone, nothing is stored,
    and for a while nobody waits for another's load of this key.
    """

    body: bytes
    content_type: str = CONTENT_TYPE
    times: Times | None = None
    tags: tuple[str, ...] = ()
    shared: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer. ``etag`` is empty for what no platform has seen. Times are of ``clock.now``."""

    body: bytes
    content_type: str
    etag: str
    tags: tuple[str, ...]
    source: Source
    born: float
    fresh_until: float
    shared: bool = True

    @property
    def fresh(self) -> bool:
        return now() < self.fresh_until

    @property
    def age_seconds(self) -> float:
        return max(0.0, now() - self.born)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to load ``key``, until ``ends`` (of ``clock.now``).

    ``stale`` is what may be served meanwhile, ``spare`` only if loading fails. ``shared`` False: what the key
    gives was not to be shared lately, so nobody waits for this load.
    """

    key: str
    token: str
    ends: float
    stale: Entry | None = None
    spare: Entry | None = None
    shared: bool = True


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else loads it, and there is nothing to serve meanwhile."""

    retry_after_seconds: float
