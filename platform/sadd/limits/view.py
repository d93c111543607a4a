"""What a worker knows of the rules: one whole version in memory, replaced at once by the next.

NOTIFY sadd_limits -> Listener -> refresh: same version? done : read, make ready, swap
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import structlog

from sadd.catalogue.slices import Slices
from sadd.limits import store
from sadd.limits.candidate import Candidate, candidate_of
from sadd.limits.pattern import network_of
from sadd.limits.rule import Rule, Rules
from sadd.limits.rules import Book
from sadd.postgres.pool import Pool

_log = structlog.get_logger("sadd.limits")


@dataclass(frozen=True, slots=True)
class RulesStats:
    version: int
    """Of the rules that this worker serves; a gauge, as is the next."""
    rules: int
    refused: int
    """Versions that this worker could not read, and kept its own instead."""


class RulesView:
    """The rules as this worker serves them. None until the first ``refresh``."""

    def __init__(self, pool: Pool, *, tag: str = "", clock: Callable[[], float] = time.perf_counter) -> None:
        self._pool = pool
        self._tag = tag
        self._clock = clock
        self.current = Book(Rules(), (), tag)
        """The rules now; no property, since each request looks at it twice."""
        self._refreshing = asyncio.Lock()
        self._refused: set[int] = set()

    async def refresh(self) -> bool:
        """Goes over to the database's version; whether that was another one.

        A version that this release cannot read or keep is refused: the last one stays, and the log and the
        counter say so. StoreUnavailable: the database could not be asked.
        """
        async with self._refreshing:
            version = await store.read_version(self._pool)
            if version == self.current.rules.version or version in self._refused:
                return False
            try:
                rules = await store.read(self._pool)
                book = Book(rules, await self._ready(rules), self._tag)
            except (msgspec.ValidationError, ValueError) as wrong:
                self._refused.add(version)
                kept = self.current.rules.version
                _log.error("a version of the rules is refused", version=version, kept=kept, reason=str(wrong))
                return False
            self.current = book
            return True

    def stats(self) -> RulesStats:
        rules = self.current.rules
        return RulesStats(rules.version, len(rules.rules), len(self._refused))

    async def _ready(self, rules: Rules) -> list[Candidate]:
        """In slices on the event loop, so that requests are answered in between."""
        made: list[Candidate] = []
        slices = Slices(self._clock)
        for rule in rules.rules:
            for network in _networks(rule):
                network_of(network)  # it is remembered
                await slices.between()
            made.append(candidate_of(rule, self._tag))
            await slices.between()
        return made


def _networks(rule: Rule) -> Iterator[str]:
    for when in rule.when:
        if when.descriptor == "ip":
            yield from when.any_of
            yield from when.none_of
