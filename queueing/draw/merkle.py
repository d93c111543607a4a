"""The Merkle tree of RFC 9162, section 2.1: one hash that stands for a whole list in its order.

    leaf = SHA-256(0 | entry)      node = SHA-256(1 | left | right)

A tree over n entries has on its left the largest full one that fits, so level by level neighbours pair up and
a last one without a neighbour goes up as it is::

    level 2            r            n = 5, proof of entry 2: leaf 3, node(0,1), leaf 4
    level 1       a         b
    level 0    0     1   2     3   4 ──▶ up to the root's right
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()
CHUNK = 1024
"""Entries under one node of level 10. With these nodes kept, a proof needs only the entries of its chunk."""


def leaf(entry: bytes) -> bytes:
    return sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def root(entries: Sequence[bytes]) -> bytes:
    """About 1 µs an entry."""
    return top(chunk_nodes(entries))


def chunk_nodes(entries: Sequence[bytes]) -> list[bytes]:
    """The nodes over each 1,024 entries, the last over what is left."""
    return [
        top([sha256(b"\0" + entry).digest() for entry in entries[start : start + CHUNK]])
        for start in range(0, len(entries), CHUNK)
    ]


def top(nodes: Sequence[bytes]) -> bytes:
    """The root over the nodes of one level."""
    if not nodes:
        return EMPTY
    level = list(nodes)
    while len(level) > 1:
        level = _up(level)
    return level[0]


def proof(entries: Sequence[bytes], index: int) -> list[bytes]:
    """The neighbours on the way from an entry to the root."""
    first = index - index % CHUNK
    return chunk_proof(entries[first : first + CHUNK], chunk_nodes(entries), index)


def chunk_proof(chunk: Sequence[bytes], chunks: Sequence[bytes], index: int) -> list[bytes]:
    """The same, of the entries of its chunk and the nodes of all. IndexError: there is no such entry."""
    if not 0 <= index % CHUNK < len(chunk):
        raise IndexError(f"there is no entry {index}")
    leaves = [leaf(entry) for entry in chunk]
    return [*_siblings(leaves, index % CHUNK), *_siblings(chunks, index // CHUNK)]


def root_of_proof(entry: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The root that the proof leads to; None if it has not the length that this place in the list has."""
    if not 0 <= index < count:
        return None
    reached, siblings = leaf(entry), iter(path)
    while count > 1:
        if index % 2 or index + 1 < count:
            sibling = next(siblings, None)
            if sibling is None:
                return None
            reached = node(sibling, reached) if index % 2 else node(reached, sibling)
        index, count = index // 2, (count + 1) // 2
    return reached if next(siblings, None) is None else None


def _siblings(level: Sequence[bytes], index: int) -> Iterator[bytes]:
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            yield level[sibling]
        level, index = _up(level), index // 2


def _up(level: Sequence[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    above = [sha256(b"\1" + left + right).digest() for left, right in pairs]
    return [*above, level[-1]] if len(level) % 2 else above
