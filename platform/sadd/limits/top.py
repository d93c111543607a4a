"""Who asks most, over all workers of this machine: each writes what it knows once a second, any tells it all.

The numbers of policies are exact. Those of keys are what a worker saw: of each policy's first thousand
decisions all, after that a sample of one in about 64.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from ratelimit.heavy import Heavy
from ratelimit.stats import LimiterStats

WRITE_PERIOD_SECONDS = 1.0
STALE_SECONDS = 10.0
"""A worker that has not written for so long is no more."""
KEYS_WRITTEN_MAX = 200

_log = structlog.get_logger("sadd.limits")


class BusyPolicy(msgspec.Struct, frozen=True):
    """Decisions since the workers began. ``near``: allowed with less than a fifth left."""

    policy: str
    allowed: int
    refused: int
    near: int


class BusyKey(msgspec.Struct, frozen=True):
    """How often a key was seen to ask since the workers began: exact while its policy is quiet, then about.

    It may have asked ``error`` more before it was among the busiest.
    """

    policy: str
    key: str
    asked: int
    refused: int
    error: int


class Busy(msgspec.Struct, frozen=True):
    """The busiest first. ``at`` is seconds since the epoch; differences of two give rates."""

    at: float = 0.0
    policies: tuple[BusyPolicy, ...] = ()
    keys: tuple[BusyKey, ...] = ()


class Limiter(Protocol):
    """What is asked of the engine."""

    def stats(self) -> LimiterStats: ...

    def heaviest(self, policy: str | None = None) -> list[Heavy]: ...


class Top:
    """Of one worker. ``folder`` holds the files of all, ``slot`` is our number among them."""

    def __init__(
        self, limiter: Limiter, folder: Path, slot: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._limiter = limiter
        self._folder = folder
        self._own = folder / f"{slot}.json"
        self._clock = clock

    async def run(self, period_seconds: float = WRITE_PERIOD_SECONDS) -> None:
        """Write our file every period until cancelled. A full disk ends nothing."""
        while True:
            try:
                await asyncio.to_thread(_write, self._own, self.own())
            except OSError as error:
                _log.warning("the busiest keys cannot be written", error=repr(error))
            await asyncio.sleep(period_seconds)

    def own(self) -> Busy:
        """What this worker knows."""
        stats = self._limiter.stats()
        names = stats.policy_allowed.keys() | stats.policy_refused.keys()
        policies = {
            name: BusyPolicy(
                name,
                stats.policy_allowed.get(name, 0),
                stats.policy_refused.get(name, 0),
                stats.policy_near.get(name, 0),
            )
            for name in names
        }
        keys = (_key(one, policies[one.policy]) for one in self._limiter.heaviest()[:KEYS_WRITTEN_MAX])
        return Busy(self._clock(), _by_policy(policies.values()), _by_key(keys))

    async def all(self) -> Busy:
        """What all workers of this machine know; of the others as of up to a second ago."""
        others = await asyncio.to_thread(lambda: list(_others(self._folder, self._own, self._clock())))
        return _together([self.own(), *others])


def read(folder: Path, now: float) -> Busy:
    """What the workers that write into ``folder`` know. Without any, nothing."""
    return _together(list(_others(folder, None, now)))


def _key(one: Heavy, policy: BusyPolicy) -> BusyKey:
    """No key asked more than all of its policy: what was seen of a few askings stands for many."""
    asked = min(one.asked, policy.allowed + policy.refused)
    return BusyKey(one.policy, one.key, asked, min(one.refused, policy.refused), one.error)


def _together(found: list[Busy]) -> Busy:
    at = max((one.at for one in found), default=0.0)
    policies = _by_policy(policy for one in found for policy in one.policies)
    return Busy(at, policies, _by_key(key for one in found for key in one.keys))


def _by_policy(found: Iterable[BusyPolicy]) -> tuple[BusyPolicy, ...]:
    sums: dict[str, BusyPolicy] = {}
    for one in found:
        was = sums.get(one.policy) or BusyPolicy(one.policy, 0, 0, 0)
        sums[one.policy] = BusyPolicy(
            one.policy, was.allowed + one.allowed, was.refused + one.refused, was.near + one.near
        )
    return tuple(sorted(sums.values(), key=lambda one: (-one.allowed - one.refused, one.policy)))


def _by_key(found: Iterable[BusyKey]) -> tuple[BusyKey, ...]:
    sums: dict[tuple[str, str], BusyKey] = {}
    for one in found:
        was = sums.get((one.policy, one.key)) or BusyKey(one.policy, one.key, 0, 0, 0)
        sums[one.policy, one.key] = BusyKey(
            one.policy, one.key, was.asked + one.asked, was.refused + one.refused, was.error + one.error
        )
    return tuple(sorted(sums.values(), key=lambda one: (-one.asked, one.policy, one.key)))


def _write(path: Path, busy: Busy) -> None:
    """As a whole: a reader, or a kill, never meets half of it. For the owner alone: keys are people."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.encode(busy))
    fresh.replace(path)


def _others(folder: Path, own: Path | None, now: float) -> Iterator[Busy]:
    for path in sorted(folder.glob("*.json")):
        if path == own:
            continue
        try:
            busy = msgspec.json.decode(path.read_bytes(), type=Busy)
        except (OSError, ValueError):  # it has just gone, or an older version wrote it
            continue
        if busy.at >= now - STALE_SECONDS:
            yield busy
