"""Contents as the store holds them: packed, compressed above a size, sealed where the namespace says so.

::

    flags | tags: (length, bytes)* | payload: length of the type, type, length of meta (4), meta, body

The scripts read flags and tags, nobody but this module the payload. The times stand in front (namespace.lua).
"""

from dataclasses import dataclass
from struct import Struct
from typing import Protocol

import zstandard

from cache.entry import META_BYTES_MAX, Content, Entry
from cache.space import Space

HEAD = Struct(">BBQHIHIHIHIHIIH")
"""Version, flags, stamp; born, soft, hard, error, keep of 6 bytes each, which Struct knows as 2 and 4; cost,
size of the tags. In one call: five slices and conversions took five times as long."""
COMPRESSED, SEALED = 1, 2
ZSTD_LEVEL = 3


class Sealer(Protocol):
    """Encrypts at rest. ``open`` raises for what was not sealed for this place."""

    def seal(self, plain: bytes, bound_to: bytes) -> bytes: ...

    def open(self, sealed: bytes, bound_to: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Packed:
    flags: int
    tags: bytes
    payload: bytes


class Codec:
    """Packs and unpacks. Without a sealer a sealed namespace can be neither written (ValueError) nor read."""

    def __init__(self, sealer: Sealer | None = None) -> None:
        self._sealer = sealer
        self._compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        self._decompressor = zstandard.ZstdDecompressor()

    def packed(self, space: Space, place: bytes, content: Content) -> Packed:
        """The stored form of a content under its place."""
        kind, tags, flags = content.content_type.encode(), _tags(content.tags), 0
        meta_size = len(content.meta).to_bytes(4, "big")
        payload = b"".join((bytes((len(kind),)), kind, meta_size, content.meta, content.body))
        if space.compress_above_bytes is not None and len(content.body) > space.compress_above_bytes:
            smaller = self._compressor.compress(payload)
            if len(smaller) < len(payload):
                payload, flags = smaller, COMPRESSED
        if space.sealed:
            if self._sealer is None:
                raise ValueError("the namespace is sealed, and no key is there to seal with")
            flags |= SEALED
            payload = self._sealer.seal(payload, _bound_to(place, flags, tags))
        return Packed(flags, tags, payload)

    def entry(self, space: Space, place: bytes, stored: bytes, sooner_ms: int) -> Entry | None:
        """The entry in its stored form; None for what cannot be read: then it is none.

        ``sooner_ms`` is by how much a soft purge drew its ends forward.
        """
        _, flags, stamp, b, born, s, soft, h, hard, e, error, k, keep, cost, size = HEAD.unpack_from(stored)
        payload_at = HEAD.size + size
        try:
            content = self._content(space, place, flags, stored[HEAD.size : payload_at], stored[payload_at:])
        except (ValueError, IndexError, zstandard.ZstdError):
            return None
        return Entry(
            content,
            (b << 32) + born,
            (s << 32) + soft - sooner_ms,
            (h << 32) + hard - sooner_ms,
            (e << 32) + error - sooner_ms,
            (k << 32) + keep - sooner_ms,
            stamp,
            cost,
        )

    def _content(self, space: Space, place: bytes, flags: int, tags: bytes, payload: bytes) -> Content:
        if flags & SEALED:
            if self._sealer is None:
                raise ValueError("sealed")
            payload = self._opened(self._sealer, payload, _bound_to(place, flags, tags))
        elif space.sealed:
            raise ValueError("not sealed: whoever wrote it had no key")
        if flags & COMPRESSED:
            payload = self._unzipped(space, payload)
        meta_at = 5 + payload[0]
        body_at = meta_at + int.from_bytes(payload[meta_at - 4 : meta_at], "big")
        if body_at > len(payload):
            raise ValueError("cut short")
        kind = payload[1 : meta_at - 4].decode("ascii")
        return Content(payload[body_at:], kind, _tags_of(tags), payload[meta_at:body_at])

    @staticmethod
    def _opened(sealer: Sealer, sealed: bytes, bound_to: bytes) -> bytes:
        try:
            return sealer.open(sealed, bound_to)
        except Exception as unsealable:  # whichever the sealer raises: to us it is no entry
            raise ValueError("it does not open here") from unsealable

    def _unzipped(self, space: Space, payload: bytes) -> bytes:
        # The size that the frame claims is what would be allocated, whatever else it holds.
        bound = space.body_bytes_max + META_BYTES_MAX + 300
        if zstandard.frame_content_size(payload) > bound:
            raise ValueError("larger than any entry")
        return self._decompressor.decompress(payload, max_output_size=bound)


def _tags(tags: tuple[str, ...]) -> bytes:
    words = [tag.encode() for tag in tags]
    return b"".join(bytes((len(word),)) + word for word in words)


def _tags_of(packed: bytes) -> tuple[str, ...]:
    tags, at = [], 0
    while at < len(packed):
        end = at + 1 + packed[at]
        tags.append(packed[at + 1 : end].decode())
        at = end
    return tuple(tags)


def _bound_to(place: bytes, flags: int, tags: bytes) -> bytes:
    """What a sealed entry is bound to: it opens under no other key, with no other tags."""
    return b"cache\0%d\0%s\0%s" % (flags, place, tags)
