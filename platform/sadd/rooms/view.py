"""What a worker knows of the rooms: the catalogue's and those that were set, in memory, replaced at once.

NOTIFY sadd_rooms | sadd_catalogue -> Listener -> refresh: same versions? done : read, resolve, swap
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec
import structlog

from queueing.activation import Always, Mode
from sadd.catalogue.model import Catalogue
from sadd.catalogue.slices import Slices
from sadd.postgres.pool import Pool
from sadd.rooms import store
from sadd.rooms.resolving import NoRoom, default_of, in_mode, mode_of, resolved
from sadd.rooms.spec import RoomSpec
from sadd.rooms.written import RoomBook, RoomSettings

_log = structlog.get_logger("sadd.rooms")


class Catalogues(Protocol):
    """What is asked of the catalogue's view."""

    @property
    def current(self) -> Catalogue: ...


@dataclass(frozen=True, slots=True)
class RoomsViewStats:
    version: int
    """Of the settings that this worker serves; a gauge, as are the next two."""
    rooms: int
    set: int
    """Rooms that differ from what the catalogue says."""
    refused: int
    """Settings that this worker could not keep, and served the room as before instead."""


@dataclass(frozen=True, slots=True)
class State:
    """The rooms that belong together: whoever takes it once sees no change."""

    catalogue: Catalogue
    book: RoomBook
    rooms: Mapping[str, RoomSpec]
    doors: Mapping[str, RoomSpec]
    """By the service's id."""


class RoomsView:
    """The rooms as this worker serves them: the catalogue's alone until the first ``refresh``."""

    def __init__(
        self, pool: "Pool | None", catalogues: Catalogues, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Without ``pool`` there are the catalogue's rooms and no others (tests, tools)."""
        self._pool = pool
        self._catalogues = catalogues
        self._clock = clock
        self._refreshing = asyncio.Lock()
        self._refused = 0
        self._unreadable = 0
        """The last version that this release cannot read."""
        self._state = state_of(catalogues.current, RoomBook())
        self._now_ms = int(time.time() * 1000)
        self._automatic: Mapping[str, Mode] = {}
        self._turned: Mapping[str, RoomSpec] = {}
        """Rooms that are in another mode than ``queueing``."""
        self._current = self._state.rooms

    @property
    def state(self) -> State:
        """The rooms as they were set, whatever mode they are in."""
        return self._state

    @property
    def current(self) -> Mapping[str, RoomSpec]:
        """Every room by its id, in the mode that its activation puts it in just now."""
        return self._current

    def of_service(self, service_id: str) -> RoomSpec | None:
        """The room that is a service's door; None: it has none, and nobody waits."""
        spec = self._state.doors.get(service_id)
        return None if spec is None else self._current.get(spec.id)

    def turn(self, now_ms: int, automatic: Mapping[str, Mode]) -> None:
        """Put each room into its mode of this moment. To be called twice a second or so."""
        self._now_ms, self._automatic = now_ms, automatic
        turned: dict[str, RoomSpec] = {}
        for id_, spec in self._state.rooms.items():
            if isinstance(spec.activation, Always):
                continue
            mode = mode_of(spec, now_ms, automatic)
            if mode != "queueing":
                held = self._turned.get(id_)
                same = held is not None and held.mode == mode and held.written is spec.written
                turned[id_] = held if same and held is not None else in_mode(spec, mode)
        if turned.keys() != self._turned.keys() or any(
            turned[id_] is not self._turned[id_] for id_ in turned
        ):
            self._turned = turned
            self._current = {**self._state.rooms, **turned}

    async def refresh(self) -> bool:
        """Goes over to the database's version and the catalogue of now; whether anything was another one.

        What this release cannot read is refused and the last state stays; a room that can no longer be kept
        stays as it was, and the log and the counter say so. StoreUnavailable: the database was away.
        """
        async with self._refreshing:
            catalogue, book = self._catalogues.current, await self._read()
            if book is self._state.book and catalogue is self._state.catalogue:
                return False
            self._state = await self._made(catalogue, book)
            self._current, self._turned = self._state.rooms, {}
            self.turn(self._now_ms, self._automatic)
            return True

    async def _read(self) -> RoomBook:
        held = self._state.book
        version = held.version if self._pool is None else await store.read_version(self._pool)
        if self._pool is None or version in (held.version, self._unreadable):
            return held
        try:
            return await store.read(self._pool)
        except msgspec.ValidationError as wrong:
            self._unreadable = version
            self._refused += 1
            _log.error("a version of the rooms is refused", kept=held.version, reason=str(wrong))
            return held

    async def _made(self, catalogue: Catalogue, book: RoomBook) -> State:
        """In slices on the event loop, so that requests are answered in between."""
        slices = Slices(self._clock)
        rooms: dict[str, RoomSpec] = {}
        for service in catalogue.services.values():
            if (default := default_of(catalogue, service)) is not None:
                rooms[service.id] = default
            await slices.between()
        for settings in book.rooms:
            if (spec := self._resolved(settings, catalogue)) is not None:
                rooms[settings.id] = spec
            await slices.between()
        return State(catalogue, book, rooms, _doors(rooms))

    def _resolved(self, settings: RoomSettings, catalogue: Catalogue) -> RoomSpec | None:
        try:
            return resolved(settings, catalogue)
        except NoRoom as gone:
            _log.warning("a room is no more", room=settings.id, reason=str(gone))
            return None
        except ValueError as wrong:
            self._refused += 1
            _log.error("a room's settings are refused", room=settings.id, reason=str(wrong))
            return self._state.rooms.get(settings.id)

    def stats(self) -> RoomsViewStats:
        state = self._state
        return RoomsViewStats(state.book.version, len(state.rooms), len(state.book.rooms), self._refused)


def state_of(catalogue: Catalogue, book: RoomBook) -> State:
    """The rooms of a catalogue and a book at hand, made in one go; without those that cannot be kept."""
    defaults = (default_of(catalogue, service) for service in catalogue.services.values())
    rooms = {spec.id: spec for spec in defaults if spec is not None}
    for settings in book.rooms:
        with contextlib.suppress(ValueError):
            rooms[settings.id] = resolved(settings, catalogue)
    return State(catalogue, book, rooms, _doors(rooms))


def _doors(rooms: Mapping[str, RoomSpec]) -> Mapping[str, RoomSpec]:
    """A room that was set goes before the catalogue's own, which stays for those who wait in it already."""
    doors = _by_service(spec for spec in rooms.values() if spec.written is None)
    return doors | _by_service(spec for spec in rooms.values() if spec.written is not None)


def _by_service(specs: Iterable[RoomSpec]) -> dict[str, RoomSpec]:
    return {service: spec for spec in specs for service in spec.services}
