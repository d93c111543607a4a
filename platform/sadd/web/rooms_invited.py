"""Lists of those invited to a lane of a room, over HTTP: names come in, keyed hashes are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from sadd.rooms.holder import Holders
from sadd.rooms.invited import MEMBERS_MAX, Invited, TooMany
from sadd.rooms.spec import RoomSpec
from sadd.rooms.store import StoreUnavailable
from sadd.rooms.view import RoomsView
from sadd.web.answer import json_answer
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem

TAG = "queues"
SCOPE = "queues:admin"
MEMBERS = "/v1/queues/{room}/lanes/{lane}/members"
SUBJECTS_MAX = 1000
BODY_BYTES_MAX = 1_048_576


class MembersRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Who it is about, in the terms in which your apps name the subject of a join."""

    subjects: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=512)]],
        Meta(min_length=1, max_length=SUBJECTS_MAX),
    ]


class MembersAnswer(Struct, frozen=True):
    """``changed`` are those that were not so before; ``members`` are on the lane's list now."""

    room: str
    lane: str
    changed: int
    members: int


def endpoints(invited: Invited, holders: Holders, specs: RoomsView, *, authority: str) -> list[Endpoint]:
    lists = _Lists(invited, holders, specs, authority)
    answers = {200: MembersAnswer, 404: None, 503: None}
    return [
        Endpoint(
            "GET",
            MEMBERS,
            lists.show,
            "How many are invited to a lane",
            TAG,
            answers=answers,
            scope=SCOPE,
            description="Who they are cannot be asked.",
        ),
        Endpoint(
            "POST",
            MEMBERS,
            lists.add,
            "Invite people to a lane",
            TAG,
            MembersRequest,
            answers=answers,
            scope=SCOPE,
            body_bytes_max=BODY_BYTES_MAX,
            description="Whoever joins as one of these subjects, by an app with `queues:join` or signed in, "
            "gets a place in that lane. Only keyed hashes are kept. A person is on one list of a room: the "
            f"last one holds. At most {SUBJECTS_MAX:,} a call and {MEMBERS_MAX:,} a room.",
        ),
        Endpoint(
            "POST",
            f"{MEMBERS}/remove",
            lists.remove,
            "Take invitations to a lane back",
            TAG,
            MembersRequest,
            answers=answers,
            scope=SCOPE,
            body_bytes_max=BODY_BYTES_MAX,
            description="Places that were given already stay.",
        ),
        Endpoint(
            "DELETE",
            MEMBERS,
            lists.clear,
            "Take all invitations to a lane back",
            TAG,
            answers=answers,
            scope=SCOPE,
            description="As for single ones.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Lists:
    invited: Invited
    holders: Holders
    specs: RoomsView
    authority: str

    async def show(self, call: Call) -> web.StreamResponse:
        spec, lane = self._lane(call)
        with _refusing():
            return await self._answer(spec, lane, 0)

    async def add(self, call: Call) -> web.StreamResponse:
        spec, lane = self._lane(call)
        with _refusing():
            changed = await self.invited.add(spec.id, lane, self._holders(spec, call), _actor(call))
            return await self._answer(spec, lane, changed)

    async def remove(self, call: Call) -> web.StreamResponse:
        spec, lane = self._lane(call)
        with _refusing():
            changed = await self.invited.remove(spec.id, lane, self._holders(spec, call), _actor(call))
            return await self._answer(spec, lane, changed)

    async def clear(self, call: Call) -> web.StreamResponse:
        spec, lane = self._lane(call)
        with _refusing():
            changed = await self.invited.clear(spec.id, lane, _actor(call))
            return await self._answer(spec, lane, changed)

    async def _answer(self, spec: RoomSpec, lane: str, changed: int) -> web.Response:
        members = (await self.invited.counts(spec.id)).get(lane, 0)
        return json_answer(MembersAnswer(spec.id, lane, changed, members))

    def _holders(self, spec: RoomSpec, call: Call) -> list[bytes]:
        body: MembersRequest = call.body
        return [self.holders.of(spec.id, spec.agency, subject) for subject in body.subjects]

    def _lane(self, call: Call) -> tuple[RoomSpec, str]:
        """The caller's room and a lane of it. Problem: no such room, another agency's, or no such lane."""
        spec = self.specs.current.get(call.request.match_info["room"])
        if spec is None or call.agency not in (spec.agency, self.authority):
            raise Problem(404, "unknown-room", "There is no such waiting room.")
        lane = call.request.match_info["lane"]
        if lane not in {one.id for one in spec.lanes}:
            raise Problem(404, "unknown-lane", "The room has no such lane.")
        return spec, lane


def _actor(call: Call) -> str:
    assert call.caller is not None, "the scope has been asked for"
    return call.caller.prefix


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except TooMany:
        detail = f"At most {MEMBERS_MAX:,} people are invited to a room."
        raise Problem(422, "too-many-members", "The lists of the room are full.", detail) from None
    except StoreUnavailable:
        title = "Lists cannot be changed or counted now; nothing was changed."
        raise Problem(503, "store-unavailable", title, headers={"Retry-After": "2"}) from None
