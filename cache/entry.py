"""What the cache holds: bytes, their type, their tags, and the times of their life.

::

    born          soft              hard            error
     |--- fresh ---|---- stale ------|---- spare -----|  gone, or kept to be validated

Times are the store's clock in milliseconds since the epoch. Between soft and hard an entry may still be
served by leave of whoever put it (``stale-while-revalidate``), between hard and error only in the place of
an origin that fails (``stale-if-error``). Until ``keep_ms`` it is still shown to whoever loads, who may find
that it holds (a 304), but to nobody else.
"""

from dataclasses import dataclass, field
from hashlib import blake2b

from cache.policy import Times

CONTENT_TYPE_BYTES_MAX = 255
TAGS_MAX = 128
TAG_BYTES_MAX = 255
META_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Content:
    """What is put: opaque bytes and their content type. Raises ValueError for what cannot be kept.

    ``meta`` are more opaque bytes of the caller's (the shield keeps status and fields there).
    """

    body: bytes
    content_type: str = "application/octet-stream"
    tags: tuple[str, ...] = ()
    meta: bytes = b""
    _etag: str = field(default="", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.content_type.isascii() or not self.content_type.isprintable():
            raise ValueError("a content type is printable ASCII")
        if len(self.content_type) > CONTENT_TYPE_BYTES_MAX:
            raise ValueError(f"a content type has at most {CONTENT_TYPE_BYTES_MAX} characters")
        if len(self.tags) > TAGS_MAX:
            raise ValueError(f"an entry has at most {TAGS_MAX} tags")
        for tag in self.tags:
            check_tag(tag)
        if len(self.meta) > META_BYTES_MAX:
            raise ValueError(f"the bytes beside a body are at most {META_BYTES_MAX}")

    @property
    def etag(self) -> str:
        """A strong validator: equal only for the same bytes of the same type. Computed once."""
        if not self._etag:
            digest = blake2b(self.body, digest_size=16, person=b"sadd cache etag")
            digest.update(b"\0" + self.content_type.encode())
            object.__setattr__(self, "_etag", f'"{digest.hexdigest()}"')
        return self._etag


def check_tag(tag: str) -> None:
    """Raises ValueError for what is no tag."""
    if not 0 < len(tag.encode()) <= TAG_BYTES_MAX:
        raise ValueError(f"a tag has 1 to {TAG_BYTES_MAX} bytes")


@dataclass(frozen=True, slots=True)
class Entry:
    """A content with its times. ``now_ms`` is the store's clock: ``Cache.now_ms()``."""

    content: Content
    born_ms: int
    soft_ms: int
    hard_ms: int
    error_ms: int = 0
    keep_ms: int = 0
    stamp: int = 0
    """When its load began, in the order of its namespace: whatever was purged later ends it."""
    cost_ms: int = 0
    """How long its load took."""

    def age_ms(self, now_ms: int) -> int:
        return max(0, now_ms - self.born_ms)

    def fresh_for_ms(self, now_ms: int) -> int:
        """Negative once stale."""
        return self.soft_ms - now_ms

    def ends_ms(self) -> int:
        """When it may not be served any more, whatever fails."""
        return max(self.hard_ms, self.error_ms)


def entry_of(content: Content, times: Times, born_ms: int, stamp: int, cost_ms: int) -> Entry:
    """What is read back of a content that is stored now."""
    error_ms = max(times.hard_ms, times.error_ms)
    ends = (times.soft_ms, times.hard_ms, error_ms, max(error_ms, times.keep_ms))
    soft, hard, error, keep = (born_ms + end for end in ends)
    return Entry(content, born_ms, soft, hard, error, keep, stamp, cost_ms)
