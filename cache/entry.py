"""What the cache holds: bytes, their type, and the three times of their life.

::

    born          soft              hard
     |--- fresh ---|---- stale ------|  gone

Times are the store's clock in milliseconds since the epoch. Between soft and hard an entry may still be
served by leave of whoever put it (``stale-while-revalidate``).
"""

from dataclasses import dataclass
from hashlib import blake2b

HEAD_BYTES = 20  # version 1, born 6, soft 6, hard 6, length of the content type 1
VERSION = 1
CONTENT_TYPE_BYTES_MAX = 255


@dataclass(frozen=True, slots=True)
class Content:
    """What is put: opaque bytes and their content type. Raises ValueError for an unusable content type."""

    body: bytes
    content_type: str = "application/octet-stream"

    def __post_init__(self) -> None:
        if not self.content_type.isascii() or not self.content_type.isprintable():
            raise ValueError("a content type is printable ASCII")
        if len(self.content_type) > CONTENT_TYPE_BYTES_MAX:
            raise ValueError(f"a content type has at most {CONTENT_TYPE_BYTES_MAX} characters")

    @property
    def etag(self) -> str:
        """A strong validator: equal only for the same bytes of the same type."""
        digest = blake2b(self.body, digest_size=16, person=b"sadd cache etag")
        digest.update(b"\0" + self.content_type.encode())
        return f'"{digest.hexdigest()}"'

    def packed(self) -> bytes:
        """What follows the times in the stored form: length of the type, type, body."""
        kind = self.content_type.encode()
        return bytes((len(kind),)) + kind + self.body


@dataclass(frozen=True, slots=True)
class Entry:
    """A content with its times, and how old it was when it was read."""

    content: Content
    born_ms: int
    soft_ms: int
    hard_ms: int
    read_ms: int

    @property
    def age_ms(self) -> int:
        return max(0, self.read_ms - self.born_ms)

    @property
    def fresh_for_ms(self) -> int:
        """Negative once stale."""
        return self.soft_ms - self.read_ms

    @classmethod
    def unpacked(cls, stored: bytes, read_ms: int) -> "Entry":
        """The entry in its stored form (see ``fill.lua``). Raises ValueError for one of another version."""
        if len(stored) < HEAD_BYTES or stored[0] != VERSION:
            raise ValueError("not an entry of this version")
        born, soft, hard = (int.from_bytes(stored[at : at + 6], "big") for at in (1, 7, 13))
        body_at = HEAD_BYTES + stored[19]
        content_type = stored[HEAD_BYTES:body_at].decode("ascii")
        return cls(Content(stored[body_at:], content_type), born, soft, hard, read_ms)
