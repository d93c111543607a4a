"""The names of what is measured, and what the cache must reach: arithmetic over readings."""

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.bench_cache_memory import Found
from benchmarks.bench_ratelimit_goals import LANE_BARE
from benchmarks.drivers.turn import Reading
from benchmarks.harness import Estimate, Goal, at_least, at_most, ratio
from benchmarks.peers.proxies import HAPROXY, NGINX, VARNISH

KNOWN = "a look into memory"
WORDS = ("hit", "miss", "stampede")
LIBRARIES = ("cashews", "aiocache", "dogpile")
LANE_HIT = "cache hit, HTTP lane"
SHIELD = "sadd, shield"
PROXIES = (NGINX, VARNISH, HAPROXY)
FAR, BARE_GET = "hit in the store, engine", "a bare GET, pipelined"

COLLAPSED, CROWDED = "collapsed misses", "uncacheable crowd"


def own(word: str) -> str:
    return f"{word}, sadd"


def of(word: str, library: str) -> str:
    return f"{word}, {library}"


def hits_of(proxy: str) -> str:
    return f"1 KiB hit, {proxy}"


@dataclass(frozen=True, slots=True)
class Rush:
    """Requests at once for one page: calls of the origin, and seconds until all had answers."""

    requests: int
    calls: int
    seconds: float
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Apart:
    """What is measured outside of the rounds. A rush's list has one for each time it was tried."""

    found: Found
    fleet: Rush
    """Over four workers."""
    fleet_slow: Rush
    """The same with an origin that is slower than any time-out of the proxies beside."""
    rushes: Mapping[tuple[str, str], Sequence[Rush]]
    """By what it was, COLLAPSED or CROWDED, and before which proxy."""
    crowd_origin_seconds: float
    feed_ms: Sequence[float]
    loads: Mapping[str, float] = field(default_factory=dict)
    """Loads of one stampede, by library."""

    def facts(self) -> dict[str, float | str]:
        told: dict[str, float | str] = {
            f"{what}, {proxy}: origin calls of {rushes[0].requests:,}": statistics.median(
                one.calls for one in rushes
            )
            for (what, proxy), rushes in self.rushes.items()
        }
        told |= {
            f"{what}, {proxy}: seconds": round(statistics.median(one.seconds for one in rushes), 3)
            for (what, proxy), rushes in self.rushes.items()
        }
        told |= {
            f"stampede, {name}: loads of one": round(loads, 2) for name, loads in sorted(self.loads.items())
        }
        return told | {
            "hit ratio of least recent use, steady": round(self.found.steady_lru, 4),
            "hit ratio of least recent use, after the shift": round(self.found.shifted_lru, 4),
            f"{self.fleet.requests:,} misses over four workers: seconds": round(self.fleet.seconds, 2),
            f"{self.fleet.requests:,} misses over four workers: failed": self.fleet.failed,
            "the same, slow origin: seconds": round(self.fleet_slow.seconds, 2),
            "the same, slow origin: failed": self.fleet_slow.failed,
            "invalidations heard": len(self.feed_ms),
        }


def ratios(samples: Mapping[str, Sequence[Reading]], chance: random.Random) -> dict[str, Estimate]:
    """Of rates, round by round, where both were there."""
    pairs = [(LANE_HIT, LANE_BARE)]
    pairs += [(own(word), of(word, library)) for word in WORDS for library in LIBRARIES]
    pairs += [(hits_of(SHIELD), hits_of(proxy)) for proxy in PROXIES]
    return {
        f"{ours} / {theirs}": ratio(samples[ours], samples[theirs], chance)
        for ours, theirs in pairs
        if ours in samples and theirs in samples
    }


def goals(
    samples: Mapping[str, Sequence[Reading]], found: Mapping[str, Estimate], apart: Apart
) -> list[Goal]:
    return [
        *_loading(apart),
        *_memory(samples, apart.found),
        *_libraries(found, apart),
        *_platform(samples, found, apart),
        *_proxies(found, apart),
    ]


def _loading(apart: Apart) -> list[Goal]:
    fleet, slow = apart.fleet, apart.fleet_slow
    crowd = _seconds(apart, CROWDED, SHIELD)
    times = None if crowd is None else crowd / apart.crowd_origin_seconds
    requests = apart.rushes[CROWDED, SHIELD][0].requests if crowd is not None else 0
    return [
        at_most(f"origin calls of {fleet.requests:,} misses at once, four workers", 1, fleet.calls, "calls"),
        at_most(f"the same, an origin of {slow.seconds:.0f} s", 1, slow.calls, "calls"),
        at_most("answers of the shield's crowds that failed", 0, _failed(apart), "answers"),
        at_most(f"uncacheable crowd of {requests}", 2.2, times, "origin times"),
    ]


def _failed(apart: Apart) -> int:
    """One call of the origin is no merit when the crowd got nothing of it."""
    ours = [one for (_, proxy), rushes in apart.rushes.items() if proxy == SHIELD for one in rushes]
    return sum(one.failed for one in (apart.fleet, apart.fleet_slow, *ours))


def _memory(samples: Mapping[str, Sequence[Reading]], found: Found) -> list[Goal]:
    rate = statistics.median(one.rate for one in samples[KNOWN]) if KNOWN in samples else None
    return [
        at_least("hit in process", 3_000_000, rate, "hits/s"),
        at_least("hit ratio, Zipf 0.9, room for a tenth", 0.665, found.steady, "of requests"),
        at_least("hit ratio right after a shift of popularity", 0.58, found.shifted, "of requests"),
        at_most("bytes in use, at any step", 1.0, found.used_most, "of the bound"),
    ]


def _libraries(found: Mapping[str, Estimate], apart: Apart) -> list[Goal]:
    told = [
        at_least(f"{word} against the best of {', '.join(LIBRARIES)}", 1.0, _least(found, word), "x")
        for word in WORDS
    ]
    return [*told, at_most("loads of one stampede", 1, apart.loads.get("sadd"), "loads")]


def _least(found: Mapping[str, Estimate], word: str) -> float | None:
    """Against each of them; None when one could not be measured."""
    names = [f"{own(word)} / {of(word, library)}" for library in LIBRARIES]
    return min(found[name].median for name in names) if all(name in found for name in names) else None


def _platform(
    samples: Mapping[str, Sequence[Reading]], found: Mapping[str, Estimate], apart: Apart
) -> list[Goal]:
    lane, far = found.get(f"{LANE_HIT} / {LANE_BARE}"), None
    if FAR in samples and BARE_GET in samples:
        pairs = zip(samples[FAR], samples[BARE_GET], strict=True)
        far = statistics.median((a.p99_ms or 0.0) / (b.p99_ms or 1.0) for a, b in pairs)
    heard = sorted(apart.feed_ms)
    p99 = heard[min(int(0.99 * len(heard)), len(heard) - 1)] if heard else None
    return [
        at_least(
            "cache hit on the lane against its bare answer", 0.8, None if lane is None else lane.median, "x"
        ),
        at_most("p99 of a hit in the store against a bare GET", 1.5, far, "x"),
        at_most("an invalidation heard at every worker, under load, p99", 100, p99, "ms"),
    ]


def _proxies(found: Mapping[str, Estimate], apart: Apart) -> list[Goal]:
    nginx = found.get(f"{hits_of(SHIELD)} / {hits_of(NGINX)}")
    return [
        at_least("1 KiB hits of the shield against nginx", 0.5, None if nginx is None else nginx.median, "x"),
        at_most("collapsed misses: origin calls", 1, _calls(apart), "calls"),
        at_most("collapsed misses: time over the best proxy that makes one call", 1.0, _best(apart), "x"),
        at_most("uncacheable crowd: time over the best proxy", 1.0, _crowd(apart), "x"),
    ]


def _calls(apart: Apart) -> float | None:
    rushes = apart.rushes.get((COLLAPSED, SHIELD))
    return max(one.calls for one in rushes) if rushes else None


def _best(apart: Apart) -> float | None:
    """Who does not collapse is no rival here: his origin pays."""
    rivals = [
        _seconds(apart, COLLAPSED, proxy)
        for proxy in PROXIES
        if max((one.calls for one in apart.rushes.get((COLLAPSED, proxy), ())), default=0) == 1
    ]
    return _over(_seconds(apart, COLLAPSED, SHIELD), rivals)


def _crowd(apart: Apart) -> float | None:
    return _over(_seconds(apart, CROWDED, SHIELD), [_seconds(apart, CROWDED, proxy) for proxy in PROXIES])


def _over(ours: float | None, theirs: Sequence[float | None]) -> float | None:
    there = [one for one in theirs if one is not None]
    return None if ours is None or not there else ours / min(there)


def _seconds(apart: Apart, what: str, proxy: str) -> float | None:
    rushes = apart.rushes.get((what, proxy))
    return statistics.median(one.seconds for one in rushes) if rushes else None
