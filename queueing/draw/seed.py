"""The seed: what was frozen and what nobody could know then, in one hash.

    seed = SHA-256("sadd draw seed 1" 0 | length of room 2 | room | draw 8 | count 8 | root 32 | chance 32)

PostgreSQL computes the same in a constraint of the table: a row with another seed cannot be written.
"""

from hashlib import sha256

from queueing.draw.entry import scope

_TAG = b"sadd draw seed 1\0"


def seed_of(room: str, draw: int, count: int, root: bytes, randomness: bytes) -> bytes:
    return sha256(_TAG + scope(room, draw) + count.to_bytes(8, "big") + root + randomness).digest()
