"""What is done to the settings of rooms, by an agency's key: shown, made, changed, taken away, paused."""

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta, Struct

from sadd.catalogue.editing import ANYTHING, NOTHING
from sadd.postgres.pool import Pool
from sadd.rooms import store
from sadd.rooms.effect import shown
from sadd.rooms.registry import Changed, Editor, Foreign, Invalid, Make, Refusal, Registry, held, tag_of
from sadd.rooms.store import NOTE_LENGTH_MAX, UnknownVersion
from sadd.rooms.view import RoomsView
from sadd.rooms.written import RoomSettings
from sadd.web.answer import json_answer
from sadd.web.conditions import seen
from sadd.web.endpoint import Call
from sadd.web.merge_patch import patch_of, patched
from sadd.web.paging import LIMIT_DEFAULT, LIMIT_MAX, Listing
from sadd.web.problem import Problem, invalid_request
from sadd.web.room_answers import (
    ChangedAnswer,
    EditionAnswer,
    HistoryAnswer,
    RoomsAnswer,
    SettingsAnswer,
    refused,
    room_line,
    unknown_room,
)

HISTORY_MAX = 100

Note = Annotated[
    str, Meta(max_length=NOTE_LENGTH_MAX, description="For people: why. One line, kept in the history.")
]
DryRun = Annotated[
    bool, Meta(description="Only tell what would change, and whom it would touch. Nothing is done.")
]


class ChangeQuery(Struct, frozen=True):
    dry_run: DryRun = False
    note: Note = ""


class ListQuery(Struct, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: str | None = None


class HistoryQuery(Struct, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=HISTORY_MAX)] = LIMIT_DEFAULT


@dataclass(frozen=True, slots=True)
class RoomChanges:
    """The handlers. A refusal is a Problem."""

    registry: Registry
    specs: RoomsView
    pool: Pool
    authority: str

    async def list(self, call: Call) -> web.StreamResponse:
        query: ListQuery = call.query
        agency, state = self._agency(call), self.specs.state
        ids = sorted(id_ for id_, spec in state.rooms.items() if agency in (None, spec.agency))
        page, cursor = Listing({"agency": agency}, query.limit, query.cursor).page([(0, id_) for id_ in ids])
        lines = [room_line(state.rooms[id_]) for _, id_ in page]
        return json_answer(RoomsAnswer(state.book.version, lines, cursor))

    async def create(self, call: Call) -> web.StreamResponse:
        settings: RoomSettings = call.body
        with _database():
            result = await self._change(call, settings.id, lambda _: settings, (NOTHING,))
        if isinstance(result, Changed) or not _is_stale(result):
            return self._answer(result, call, status=201)
        title = "The room is set already."
        raise Problem(409, "room-exists", title, "Change its settings instead.")

    async def show(self, call: Call) -> web.StreamResponse:
        id_ = call.request.match_info["room"]
        with _database():
            settings = held(await store.read(self.pool), id_)
        spec = self.specs.current.get(id_)
        agency = self._agency(call)
        if (spec is None and settings is None) or (spec is not None and agency not in (None, spec.agency)):
            raise unknown_room()
        answer = SettingsAnswer(id_, settings, None if spec is None else shown(spec))
        return json_answer(answer, headers={str(hdrs.ETAG): f'"{tag_of(settings)}"'})

    async def put(self, call: Call) -> web.StreamResponse:
        settings: RoomSettings = call.body
        id_ = call.request.match_info["room"]
        if settings.id != id_:
            what = "is not the id in the path"
            raise invalid_request(f"id {what}", errors=[{"pointer": "#/id", "detail": what}])
        conditions = seen(call.request)
        with _database():
            result = await self._change(call, id_, lambda _: settings, conditions or (NOTHING,))
        return self._answer(result, call, unconditional=conditions is None)

    async def patch(self, call: Call) -> web.StreamResponse:
        id_ = self._known(call)
        patch = patch_of(call)
        with _database():
            result = await self._change(call, id_, lambda before: patched(id_, before, patch))
        return self._answer(result, call)

    async def delete(self, call: Call) -> web.StreamResponse:
        with _database():
            result = await self._change(call, self._known(call), lambda _: None)
        return self._answer(result, call)

    async def pause(self, call: Call) -> web.StreamResponse:
        return await self._suspend(call, suspended=True)

    async def resume(self, call: Call) -> web.StreamResponse:
        return await self._suspend(call, suspended=False)

    async def history(self, call: Call) -> web.StreamResponse:
        id_ = self._known(call)
        with _database():
            editions = await store.history(self.pool, call.query.limit, id_)
        return json_answer(HistoryAnswer([EditionAnswer(**asdict(one)) for one in editions]))

    async def roll_back(self, call: Call) -> web.StreamResponse:
        version: int = call.body.version
        id_ = call.request.match_info["room"]
        try:
            with _database():
                wanted = held(await store.read(self.pool, version), id_)
                result = await self._change(
                    call, id_, lambda _: wanted, note=call.query.note or f"back to version {version}"
                )
        except UnknownVersion as unknown:
            raise invalid_request(f"{unknown} at #/version") from None
        return self._answer(result, call)

    async def _suspend(self, call: Call, *, suspended: bool) -> web.StreamResponse:
        id_ = self._known(call)
        with _database():
            result = await self._change(call, id_, suspending(id_, suspended=suspended))
        return self._answer(result, call)

    async def _change(
        self,
        call: Call,
        id_: str,
        make: Make,
        expected: Collection[str] | None = None,
        *,
        note: str | None = None,
    ) -> Changed | Refusal:
        assert call.caller is not None, "the scope has been asked for"
        editor = Editor(call.caller.prefix, self._agency(call))
        conditions = expected or seen(call.request) or (ANYTHING, NOTHING)
        said, query = note, call.query
        try:
            return await self.registry.change(
                editor,
                id_,
                make,
                seen=conditions,
                note=query.note if said is None else said,
                dry_run=query.dry_run,
            )
        except ValueError as wrong:
            raise invalid_request(str(wrong)) from None

    def _known(self, call: Call) -> str:
        """The room's id. Problem: there is no such room, whatever was set of it."""
        id_ = call.request.match_info["room"]
        state = self.specs.state
        spec = state.rooms.get(id_)
        if spec is None and held(state.book, id_) is None:
            raise unknown_room()
        return id_

    def _agency(self, call: Call) -> str | None:
        return None if self.authority and call.agency == self.authority else call.agency

    def _answer(
        self, result: Changed | Refusal, call: Call, *, status: int = 200, unconditional: bool = False
    ) -> web.StreamResponse:
        if not isinstance(result, Changed):
            raise refused(result, unconditional=unconditional)
        dry = call.query.dry_run
        answer = ChangedAnswer(result.version, dry, result.effects, result.after)
        tag = {str(hdrs.ETAG): f'"{tag_of(result.before if dry else result.after)}"'}
        return json_answer(answer, 200 if dry else status, headers=tag)


def suspending(id_: str, *, suspended: bool) -> Make:
    """Pause a room, or resume it."""

    def make(before: RoomSettings | None) -> RoomSettings:
        return msgspec.structs.replace(before or RoomSettings(id_), suspended=suspended)

    return make


def _is_stale(result: Refusal) -> bool:
    return not isinstance(result, Foreign | Invalid)


@contextlib.contextmanager
def _database() -> Iterator[None]:
    try:
        yield
    except store.StoreUnavailable:
        title = "Rooms cannot be changed now; those there are go on."
        raise Problem(503, "store-unavailable", title, headers={"Retry-After": "2"}) from None
    except msgspec.ValidationError:
        title = "A newer release has written settings that this one cannot read."
        raise Problem(503, "store-unavailable", title, headers={"Retry-After": "30"}) from None
