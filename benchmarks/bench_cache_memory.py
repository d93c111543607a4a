"""What a worker's memory finds: the hit ratio of S3-FIFO beside least recent use, on one trace.

Zipf 0.9 over keys of which a tenth has room; then all popularity is drawn anew, as on results morning. Ratios
of a trace are exact: they do not depend on the machine. A second run has sizes drawn log-normally, to look
whether the bound in bytes holds at every step.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cache.s3fifo import S3Fifo

EXPONENT = 0.9
ROOM_PART = 10
SIZE_BYTES = 100
SHAPE, MEAN_BYTES = 1.0, 4_091


@dataclass(frozen=True, slots=True)
class Found:
    """Shares of requests that were hits: of all before the shift, and of as many as keys right after it."""

    steady: float
    shifted: float
    steady_lru: float
    shifted_lru: float
    used_most: float
    """The most bytes in use at any step, as a share of the bound."""


def find(requests: int, keys: int, seed: int) -> Found:
    chance = np.random.default_rng(seed)
    before, after = _zipf(chance, requests, keys), _zipf(chance, requests // 2, keys)
    after = chance.permutation(keys)[after]
    asked: list[int] = [*before.tolist(), *after.tolist()]
    hits, lru = _hits(asked, keys), _lru_hits(asked, keys // ROOM_PART)
    shift, window = requests, min(keys, requests // 2)
    return Found(
        _share(hits, 0, shift),
        _share(hits, shift, shift + window),
        _share(lru, 0, shift),
        _share(lru, shift, shift + window),
        _used_most(before.tolist()[: requests // 5], chance, keys),
    )


def _zipf(chance: np.random.Generator, count: int, keys: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    weights = 1.0 / np.arange(1, keys + 1) ** EXPONENT
    bounds = np.cumsum(weights / weights.sum())
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = np.searchsorted(bounds, chance.random(count))
    return found


def _hits(asked: Sequence[int], keys: int) -> list[bool]:
    held: S3Fifo[int, None] = S3Fifo(keys // ROOM_PART * SIZE_BYTES)
    nodes, hits = held.nodes, list[bool]()
    for key in asked:
        node = nodes.get(key)
        if node is None:
            held.put(key, None, SIZE_BYTES)
        else:
            node.hits += 1
        hits.append(node is not None)
    return hits


def _lru_hits(asked: Sequence[int], room: int) -> list[bool]:
    held: OrderedDict[int, None] = OrderedDict()
    hits: list[bool] = []
    for key in asked:
        found = key in held
        hits.append(found)
        if found:
            held.move_to_end(key)
            continue
        held[key] = None
        if len(held) > room:
            held.popitem(last=False)
    return hits


def _used_most(asked: Sequence[int], chance: np.random.Generator, keys: int) -> float:
    sizes = chance.lognormal(np.log(MEAN_BYTES) - SHAPE**2 / 2, SHAPE, keys).astype(int).tolist()
    held: S3Fifo[int, None] = S3Fifo(keys // ROOM_PART * MEAN_BYTES)
    most = 0
    for key in asked:
        node = held.nodes.get(key)
        if node is None:
            held.put(key, None, sizes[key])
            most = max(most, held.bytes_used)
        else:
            node.hits += 1
    return most / held.bytes_max


def _share(hits: Sequence[bool], start: int, end: int) -> float:
    return sum(hits[start:end]) / max(end - start, 1)
