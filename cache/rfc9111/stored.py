"""An answer as it is kept beside its body: status, fields, and when it ends to be what.

::

    born           fresh            stale          error          keep
     |--- serve ----|-- serve and ---|-- serve if ---|-- validate --|  gone
                        renew           the origin       only
                                        fails

All are moments of the shield's clock in milliseconds since the epoch; the later two never come before the
one to their left.
"""

import msgspec

from cache.rfc9111.fields import Fields, first


class Stored(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Packed into what the cache keeps beside a body."""

    status: int
    fields: Fields
    """End to end; with ``Date``, without ``Age`` and without what must not be kept."""
    born_ms: int
    """When its age was 0: what it was old when it came counts (section 4.2.3)."""
    fresh_until_ms: int
    stale_until_ms: int
    error_until_ms: int
    keep_until_ms: int
    must_validate: bool = False
    """``no-cache``: never served without asking, however fresh."""
    never_stale: bool = False
    """The origin forbids to serve it stale, whatever a client would take (section 4.2.4)."""
    immutable: bool = False
    vary: tuple[bytes, ...] = ()
    tags: tuple[str, ...] = ()

    def age_ms(self, now_ms: int) -> int:
        return max(0, now_ms - self.born_ms)

    def ttl_ms(self, now_ms: int) -> int:
        """Fresh for so long; negative once stale."""
        return self.fresh_until_ms - now_ms

    @property
    def etag(self) -> bytes | None:
        return first(self.fields, b"etag")

    @property
    def last_modified(self) -> bytes | None:
        return first(self.fields, b"last-modified")


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Stored)


def pack(stored: Stored) -> bytes:
    return _ENCODER.encode(stored)


def unpack(packed: bytes) -> Stored:
    """Raises ValueError for what ``pack`` did not make."""
    return _DECODER.decode(packed)
