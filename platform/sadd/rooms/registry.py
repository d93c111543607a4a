"""Changes of rooms, by whomever: judged whole, told before, made on the state that was seen, or not made."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

import msgspec

from queueing.policy import Room
from queueing.standing import RoomStatus
from queueing.store import StoreUnavailable as RoomsAway
from sadd.catalogue.editing import ANYTHING, NOTHING, fingerprint
from sadd.catalogue.fault import Finding
from sadd.catalogue.model import Catalogue
from sadd.postgres.pool import Pool
from sadd.rooms import store
from sadd.rooms.effect import Effect, Statuses, differing, effects
from sadd.rooms.findings import findings, together
from sadd.rooms.store import VersionMoved
from sadd.rooms.view import RoomsView, State, state_of
from sadd.rooms.written import RoomBook, RoomSettings

ATTEMPTS = 5
"""Others may change other rooms meanwhile: then it is judged again."""
STATUSES_MAX = 100
"""Rooms whose people are counted for a dry run; of more it is told without."""

Make = Callable[[RoomSettings | None], RoomSettings | None]
"""From what was set of a room, None if nothing, to what shall be."""


@dataclass(frozen=True, slots=True)
class Editor:
    """Who changes, by the name in the audit, and for which agency; None is for every agency."""

    actor: str
    agency: str | None


@dataclass(frozen=True, slots=True)
class Changed:
    """Done, or only told: ``version`` is then the last one still. No effects: it was so already."""

    version: int
    before: RoomSettings | None
    after: RoomSettings | None
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Stale:
    """Refused: the room is not what the editor saw. ``current`` is what was set of it."""

    current: RoomSettings | None


@dataclass(frozen=True, slots=True)
class Foreign:
    """Refused: the room, or one of its services, is another agency's."""

    what: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """Refused: these rules are broken."""

    findings: tuple[Finding, ...]


Refusal = Stale | Foreign | Invalid


class Registry:
    """``status`` tells of a room's people, for what a change would do to them.

    Raises ``sadd.rooms.store.StoreUnavailable``: nothing was changed.
    """

    def __init__(self, pool: Pool, specs: RoomsView, status: Callable[[Room], Awaitable[RoomStatus]]) -> None:
        self._pool = pool
        self._specs = specs
        self._status = status

    async def change(
        self,
        editor: Editor,
        id_: str,
        make: Make,
        *,
        seen: Collection[str] = (ANYTHING, NOTHING),
        note: str = "",
        dry_run: bool = False,
    ) -> Changed | Refusal:
        """Change one room if it still is as ``seen``. ValueError: the note is too long."""
        for _ in range(ATTEMPTS):
            book = await store.read(self._pool)
            before = held(book, id_)
            if not _matches(before, seen):
                return Stale(before)
            after = plain(make(before), self.catalogue)
            wanted = self._with(book, id_, before, after, editor.agency)
            if isinstance(wanted, Foreign | Invalid):
                return wanted
            told = await self.effects(book, wanted)
            if dry_run:
                return Changed(book.version, before, after, told)
            try:
                published = await store.publish(self._pool, wanted, editor.actor, note, expected=book.version)
            except VersionMoved:
                continue
            # So that the writer finds what it wrote, here at least; the others follow by NOTIFY.
            await self._specs.refresh()
            return Changed(published.version, before, after, told)
        raise store.StoreUnavailable("others change rooms all the time")

    async def effects(self, book: RoomBook, wanted: Sequence[RoomSettings]) -> tuple[Effect, ...]:
        """What other settings would do."""
        before = state_of(self.catalogue, book)
        after = state_of(self.catalogue, RoomBook(book.version, tuple(wanted)))
        return tuple(effects(before, after, await self._statuses(before, after)))

    @property
    def catalogue(self) -> Catalogue:
        return self._specs.state.catalogue

    def _with(
        self,
        book: RoomBook,
        id_: str,
        before: RoomSettings | None,
        after: RoomSettings | None,
        agency: str | None,
    ) -> list[RoomSettings] | Foreign | Invalid:
        for settings in (before, after or RoomSettings(id_)):
            if settings is not None and (foreign := foreign_in(settings, self.catalogue, agency)):
                return foreign
        others = [room for room in book.rooms if room.id != id_]
        if after is None:
            return others
        rooms = [*others, after]
        clashes = [finding for one, finding in together(rooms) if one is after]
        found = (*findings(after, self.catalogue), *clashes)
        return Invalid(found) if found else rooms

    async def _statuses(self, before: State, after: State) -> Statuses:
        asked = differing(before, after)[:STATUSES_MAX]
        found = await asyncio.gather(*(self._asked(spec.room) for spec in asked))
        return {status.room: status for status in found if status is not None}

    async def _asked(self, room: Room) -> RoomStatus | None:
        try:
            return await self._status(room)
        except RoomsAway:
            return None


def tag_of(settings: RoomSettings | None) -> str:
    """A strong validator: differs exactly when any field does."""
    return fingerprint(msgspec.json.encode(settings))


def held(book: RoomBook, id_: str) -> RoomSettings | None:
    return next((room for room in book.rooms if room.id == id_), None)


def plain(settings: RoomSettings | None, catalogue: Catalogue) -> RoomSettings | None:
    """Settings that say nothing beside the catalogue are none."""
    if settings == RoomSettings(settings.id if settings else "") and settings.id in catalogue.services:
        return None
    return settings


def foreign_in(room: RoomSettings, catalogue: Catalogue, agency: str | None) -> Foreign | None:
    """What of a room is not the agency's; of what nobody knows the findings tell."""
    if agency is None:
        return None
    if room.agency is not None and room.agency != agency:
        return Foreign(f"the room is {room.agency}'s")
    for id_ in room.served:
        service = catalogue.services.get(id_)
        if service is not None and service.agency != agency:
            return Foreign(f"the service {id_} is {service.agency}'s")
    return None


def _matches(current: RoomSettings | None, seen: Collection[str]) -> bool:
    if current is None:
        return NOTHING in seen or tag_of(None) in seen
    return ANYTHING in seen or tag_of(current) in seen
