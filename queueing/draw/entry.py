"""An entry: a commitment to a room, a draw and a holder. The published list names nobody.

    entry = SHA-256("sadd draw entry 1" 0 | length of room 2 | room | draw 8 | holder 16)

all big-endian. A holder is 16 random bytes, or the keyed hash of an identity: without the key nobody finds
out by trial whose entry it is.
"""

from hashlib import sha256

ENTRY_BYTES = 32
HOLDER_BYTES = 16
ENTRIES_MAX = 10_000_000
"""Of one draw."""

_TAG = b"sadd draw entry 1\0"


def entry_of(room: str, draw: int, holder: bytes) -> bytes:
    """ValueError: the holder has not 16 bytes."""
    if len(holder) != HOLDER_BYTES:
        raise ValueError(f"a holder has {HOLDER_BYTES} bytes, not {len(holder)}")
    return sha256(_TAG + scope(room, draw) + holder).digest()


def scope(room: str, draw: int) -> bytes:
    """The room and the draw, as they stand in everything that is hashed: no two pairs have the same bytes."""
    name = room.encode()
    return len(name).to_bytes(2, "big") + name + draw.to_bytes(8, "big")
