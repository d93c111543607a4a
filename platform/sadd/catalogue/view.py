"""What a worker knows of the catalogue: one whole state in memory, replaced at once by the next.

NOTIFY sadd_catalogue -> Listener -> refresh: same version? done : read, build, swap
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sadd.catalogue import search, store
from sadd.catalogue.kinds import TYPES, Kind, assemble, entries
from sadd.catalogue.model import Catalogue, Entry
from sadd.catalogue.search import Index
from sadd.catalogue.slices import Slices
from sadd.postgres.pool import Pool


@dataclass(frozen=True, slots=True)
class State:
    """One state of the catalogue and the index of it. Whoever takes it once sees no change."""

    catalogue: Catalogue
    index: Index
    order: Mapping[Kind, tuple[str, ...]]
    """The ids of each kind, sorted: what pages are cut from."""


class CatalogueView:
    """The catalogue as this worker serves it. ``begin``, or nothing, until the first ``refresh``.

    Have a ``Listener`` watch ``store.CHANNEL`` with ``refresh``: it runs at every change, and after
    every reconnection, which makes good whatever was missed meanwhile.
    """

    def __init__(
        self, pool: Pool, *, begin: State | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._state = begin or empty()
        self.current = self._state.catalogue
        """The catalogue now; no property, since each request looks at it. A look-up in its mappings takes
        well under a microsecond."""
        self._refreshing = asyncio.Lock()

    @property
    def state(self) -> State:
        """Catalogue and index that belong together. Take it once a request."""
        return self._state

    async def refresh(self) -> bool:
        """Goes over to the database's state; whether that was another one.

        StoreUnavailable: the database could not be asked. msgspec.ValidationError: a newer release wrote
        what this one cannot read. Either way the last state stays.
        """
        # One after the other, or a slow reader of version 7 could put it over version 8.
        async with self._refreshing:
            catalogue = await self._read()
            if catalogue is None:
                return False
            new = _state(catalogue, await self._build(catalogue))
            await asyncio.sleep(0)
            pieces = [*self.current.services.values(), *self._state.index.pieces()]
            await asyncio.sleep(0)
            self._state, self.current = new, new.catalogue
            await self._let_go(pieces)
            return True

    async def _read(self) -> Catalogue | None:
        """The state in one snapshot, or None if it is the one that we have."""
        async with store.snapshot(self._pool) as connection:
            version = await store.read_version(connection)
            if version == self.current.version:
                return None
            found: dict[Kind, dict[str, Entry]] = {kind: {} for kind in TYPES}
            async for batch in store.read_batches(connection):
                for kind, entry in batch:
                    found[kind][entry.id] = entry
        return assemble(version, found)

    async def _build(self, catalogue: Catalogue) -> Index:
        """The index, in slices on the event loop."""
        index = Index()
        slices = Slices(self._clock)
        for service in catalogue.services.values():
            index.add(service, catalogue.agencies.get(service.agency))
            await slices.between()
        index.close()
        await asyncio.sleep(0)
        return index

    async def _let_go(self, pieces: list[object]) -> None:
        """Frees the old state in slices; all at once it would hold the event loop for 6 ms.

        Whoever still works with that state has all of it: these are only further references.
        """
        slices = Slices(self._clock)
        while pieces:
            pieces.pop()
            await slices.between()


def empty() -> State:
    """The state before the first: no entries, version 0."""
    return of(assemble(0, {}))


def of(catalogue: Catalogue) -> State:
    """The state of a catalogue that is at hand, built in one go."""
    return _state(catalogue, search.build(catalogue))


def _state(catalogue: Catalogue, index: Index) -> State:
    return State(catalogue, index, {kind: tuple(sorted(ids)) for kind, ids in entries(catalogue).items()})
