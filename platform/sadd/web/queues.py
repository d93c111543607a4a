"""Waiting rooms over HTTP: all that a citizen's browser or app does. Everyone may join, so no key is needed.

The ticket is in ``Sadd-Ticket``, or in the cookie that a join sets for its room.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta, Struct

from queueing.passes import PassOffice
from queueing.standing import RoomStatus, Standing
from queueing.store import StoreUnavailable
from sadd.rooms.spec import RoomSpec
from sadd.web.answer import encode_json, json_answer
from sadd.web.conditions import tag_of, tagged
from sadd.web.endpoint import Call, Endpoint
from sadd.web.lane.endpoint import LaneEndpoint, Question, Told
from sadd.web.queue_answers import (
    RoomAnswer,
    StandingAnswer,
    room_answer,
    standing_answer,
    ticket_cookie,
)
from sadd.web.queue_requests import TICKET_HEADER, visit_asked, visit_of
from sadd.web.sessions import SESSION_HEADER
from sadd.web.visits import JoinRequest, Visit, Visits, refusing
from sadd.web.visits import told as with_schedule

TAG = "queues"
ROOM = "/v1/queues/{room}"
STATUS_CACHE = "public, max-age=1"
KEYS_CACHE = "public, max-age=300"
BODY_BYTES_MAX = 4_096
SHOWN = {TICKET_HEADER: "The ticket; or the cookie `sadd_ticket`."}
JOINED = {
    **SHOWN,
    SESSION_HEADER: "A session of the room's agency, where the room has one place for each person.",
}


class CodeAnswer(Struct, frozen=True):
    """Brings the place to another device. Whoever knows it has the place: it is as secret as the ticket."""

    code: str


class ResumeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(min_length=1, max_length=64, description="As it was shown, in any spelling.")]


class KeySet(Struct, frozen=True):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str]]


def endpoints(visits: Visits, passes: PassOffice) -> list[Endpoint]:
    queues = _Queues(visits)

    async def published(call: Call) -> web.StreamResponse:
        return tagged(call.request, msgspec.json.encode(passes.jwks()), KEYS_CACHE)

    return [
        Endpoint(
            "POST",
            f"{ROOM}/tickets",
            partial(queues.answer, visits.join),
            "Join the line",
            TAG,
            body=JoinRequest,
            body_optional=True,
            body_bytes_max=BODY_BYTES_MAX,
            answers={200: StandingAnswer, 401: None, 403: None, 404: None, 503: None},
            headers=JOINED,
            description="Whoever shows a ticket that is in force keeps its place. When nobody waits and "
            "there is room the first answer has the pass. A body needs a key of the room's agency with the "
            "scope `queues:join`.",
            lane=LaneEndpoint(queues.ask_place, tell),
        ),
        Endpoint(
            "GET",
            ROOM,
            queues.status,
            "What everyone may know of a room",
            TAG,
            answers={200: RoomAnswer, 304: None, 404: None, 503: None},
            lane=LaneEndpoint(queues.ask_status, tell, STATUS_CACHE),
        ),
        *_of_a_ticket(queues),
        Endpoint(
            "POST",
            f"{ROOM}/resume",
            queues.resume,
            "Take a place to this device",
            TAG,
            body=ResumeRequest,
            body_bytes_max=BODY_BYTES_MAX,
            answers={200: StandingAnswer, 403: None, 404: None, 503: None},
            description="By the code that `resume-code` gave the other device, which keeps the place too.",
        ),
        Endpoint(
            "GET",
            "/.well-known/jwks.json",
            published,
            "The keys that passes are verified with",
            TAG,
            answers={200: KeySet, 304: None},
            description="A pass is a JWT (EdDSA) whose `aud` is the room; verify it offline with these.",
        ),
    ]


def _of_a_ticket(queues: "_Queues") -> list[Endpoint]:
    """What is done with a ticket that is shown."""
    visits = queues.visits
    standing: dict[int, Any] = {200: StandingAnswer, 403: None, 404: None, 503: None}

    def one(method: str, last: str, do: "Do", summary: str, description: str = "") -> Endpoint:
        return Endpoint(
            method,
            f"{ROOM}/{last}",
            partial(queues.answer, do),
            summary,
            TAG,
            answers=standing,
            headers=SHOWN,
            description=description,
            lane=LaneEndpoint(partial(queues.ask, do), tell),
        )

    return [
        one("GET", "ticket", visits.standing, "Where a ticket stands"),
        one(
            "POST",
            "claim",
            visits.claim,
            "Take the turn",
            "Once called. A retry gets the same pass. Without a pass the answer says how things stand: "
            "`called` means that the room is full just now and the turn is kept.",
        ),
        one(
            "POST",
            "extend",
            visits.extend,
            "More time to accept the turn",
            "For who is called and needs longer: a new window, ten times at most.",
        ),
        one(
            "POST",
            "renew",
            visits.renew,
            "A pass that lasts longer",
            "Up to the room's cap after the claim; where it has none the pass stays as it is.",
        ),
        one("POST", "leave", visits.leave, "Give up the place, the turn or the slot"),
        Endpoint(
            "GET",
            f"{ROOM}/resume-code",
            queues.resume_code,
            "A short code that brings the place to another device",
            TAG,
            answers={200: CodeAnswer, 403: None, 404: None},
            headers=SHOWN,
        ),
    ]


Do = Callable[[Visit], Coroutine[Any, Any, Standing]]


@dataclass(frozen=True, slots=True)
class _Queues:
    visits: Visits
    boards: dict[str, tuple[RoomStatus, RoomSpec, Told]] = field(default_factory=dict)
    """The last answer of each room, as long as neither its status nor its settings are others."""

    async def answer(self, do: Do, call: Call) -> web.StreamResponse:
        visit = visit_of(call)
        standing = await do(visit)
        cookie = ticket_cookie(visit.room, standing, shown=visit.ticket)
        headers = {str(hdrs.SET_COOKIE): cookie} if cookie else None
        return json_answer(self.worded(visit.room, standing), headers=headers)

    def ask(self, do: Do, asked: Question, done: Callable[[Told | BaseException], None]) -> None:
        visit = visit_asked(asked)
        self.visits.spec(visit.room)

        def stands(asking: asyncio.Future[Standing]) -> None:
            if asking.cancelled():  # the worker ends
                done(StoreUnavailable("not asked to the end"))
                return
            failure = asking.exception()
            done(self.told_standing(visit, asking.result()) if failure is None else failure)

        asyncio.get_running_loop().create_task(do(visit)).add_done_callback(stands)

    def ask_place(self, asked: Question, done: Callable[[Told | BaseException], None]) -> None:
        """A join; without a task for each of a crowd's."""
        visit = visit_asked(asked)

        def told(found: Standing | BaseException) -> None:
            try:
                done(found if isinstance(found, BaseException) else self.told_standing(visit, found))
            except Exception as failure:
                done(failure)

        if not self.visits.ask_place(visit, told):
            self.ask(self.visits.join, asked, done)

    def told_standing(self, visit: Visit, standing: Standing) -> Told:
        cookie = ticket_cookie(visit.room, standing, shown=visit.ticket)
        body = encode_json(self.worded(visit.room, standing))
        return body, f"Set-Cookie: {cookie}\r\n" if cookie else ""

    def worded(self, room: str, standing: Standing) -> StandingAnswer:
        return standing_answer(standing, self.visits.prospect(room, standing))

    async def status(self, call: Call) -> web.StreamResponse:
        spec = self.visits.spec(call.request.match_info["room"])
        with refusing():
            status = await self.visits.rooms.status(spec.room)
        return tagged(call.request, self.told(spec, status)[0], STATUS_CACHE)

    def ask_status(self, asked: Question, done: Callable[[Told | Exception], None]) -> None:
        """At once from what is known; once a second, when it is too old, those who ask wait for the store."""
        spec = self.visits.spec(asked.parameter)
        known = self.visits.rooms.known_status(spec.room)
        if known is not None:
            done(self.told(spec, known))
            return

        def loaded(loading: asyncio.Future[RoomStatus]) -> None:
            if loading.cancelled():  # the worker ends
                done(StoreUnavailable("not asked to the end"))
                return
            failure = loading.exception()
            done(failure if isinstance(failure, Exception) else self.told(spec, loading.result()))

        asyncio.ensure_future(self.visits.rooms.status(spec.room)).add_done_callback(loaded)

    def told(self, spec: RoomSpec, status: RoomStatus) -> Told:
        held = self.boards.get(spec.id)
        if held is not None and held[0] is status and held[1] is spec:
            return held[2]
        body = encode_json(room_answer(spec, with_schedule(spec, status)))
        told = body, f"ETag: {tag_of(body)}\r\n"
        self.boards[spec.id] = (status, spec, told)
        return told

    async def resume(self, call: Call) -> web.StreamResponse:
        room = call.request.match_info["room"]
        standing = await self.visits.resume(room, call.body.code)
        cookie = ticket_cookie(room, standing, shown="")
        return json_answer(self.worded(room, standing), headers={hdrs.SET_COOKIE: cookie})

    async def resume_code(self, call: Call) -> web.StreamResponse:
        return json_answer(CodeAnswer(self.visits.resume_code(visit_of(call))))


def tell(told: Told | BaseException) -> Told:
    if isinstance(told, BaseException):
        with refusing():
            raise told
    return told
