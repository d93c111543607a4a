"""The whole shuffle at once, for whoever checks all places: 1,000,000 in 1.5 s, point by point 100.

Apart from ``shuffle``, since numpy is 25 MB that a worker has no use for.
"""

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from queueing.draw.shuffle import BITS, ROUNDS, SEED_BYTES, pivot

Places = NDArray[np.int64]


def places(seed: bytes, count: int) -> Places:
    """The place of every entry, by its index. ValueError: no seed."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
    indices = np.arange(count, dtype=np.int64)
    for number in range(ROUNDS if count else 0):
        byte = bytes((number,))
        mirrors = pivot(seed, byte, count) - indices
        mirrors += (mirrors < 0) * count
        swapped = _bits(seed, byte, count)[np.maximum(indices, mirrors)]
        indices = np.where(swapped, mirrors, indices)
    return indices


def _bits(seed: bytes, number: bytes, count: int) -> NDArray[np.bool_]:
    """The bit of each position in one round."""
    begun, digests = sha256(seed + number), []
    for block in range(-(-count // BITS)):
        whole = begun.copy()
        whole.update(block.to_bytes(4, "little"))
        digests.append(whole.digest())
    octets = np.frombuffer(b"".join(digests), dtype=np.uint8)
    return np.unpackbits(octets, bitorder="little").astype(np.bool_)
