"""The swap-or-not shuffle of Ethereum's consensus specification (``compute_shuffled_index``, phase 0).

A permutation whose every place is computed by itself: 90 rounds, in each of which an index and its mirror
image about a pivot change places or do not, by one bit that both share. V. T. Hoang, B. Morris, P. Rogaway,
"An Enciphering Scheme Based on a Card Shuffle", 2012.
"""

from hashlib import sha256

ROUNDS = 90
SEED_BYTES = 32
BITS = 256
"""Indices that share one hash in a round."""


def place(seed: bytes, index: int, count: int) -> int:
    """The place, from 0, of an entry. About 100 µs. ValueError: no such entry, or no seed."""
    for number in _checked(seed, index, count):
        index = _swapped_or_not(seed, bytes((number,)), index, count)
    return index


def index_at(seed: bytes, place: int, count: int) -> int:
    """The entry at a place: each round undoes itself, so they are run backwards."""
    for number in reversed(_checked(seed, place, count)):
        place = _swapped_or_not(seed, bytes((number,)), place, count)
    return place


def pivot(seed: bytes, number: bytes, count: int) -> int:
    """Of the round ``number`` (one byte)."""
    return int.from_bytes(sha256(seed + number).digest()[:8], "little") % count


def _swapped_or_not(seed: bytes, number: bytes, index: int, count: int) -> int:
    mirror = (pivot(seed, number, count) + count - index) % count
    position = max(index, mirror)
    bits = sha256(seed + number + (position // BITS).to_bytes(4, "little")).digest()
    swapped = bits[position % BITS // 8] >> position % 8 & 1
    return mirror if swapped else index


def _checked(seed: bytes, index: int, count: int) -> range:
    if len(seed) != SEED_BYTES or not 0 <= index < count:
        raise ValueError(f"no place for entry {index} of {count} with a seed of {len(seed)} bytes")
    return range(ROUNDS)
