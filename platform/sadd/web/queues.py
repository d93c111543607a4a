"""Waiting rooms over HTTP. Everyone may join, so these endpoints need no key.

The ticket is in ``Sadd-Ticket``, or in the cookie that a join sets for its room.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import msgspec
from aiohttp import web
from msgspec import Struct, field

from queueing.passes import PassOffice
from queueing.rooms import Rooms
from queueing.standing import Estimate, RoomState, RoomStatus, Standing, State
from queueing.store import StoreUnavailable
from queueing.ticket import InvalidTicket
from sadd.web.answer import encode_json, json_answer
from sadd.web.away import store_away
from sadd.web.conditions import tag_of, tagged
from sadd.web.endpoint import Call, Endpoint
from sadd.web.lane.endpoint import LaneEndpoint, Question, Told
from sadd.web.problem import Problem
from sadd.web.protected import View, room_of

TAG = "queues"
ROOM = "/v1/queues/{room}"
TICKET_HEADER = "Sadd-Ticket"
TICKET_COOKIE = "sadd_ticket"
COOKIE_SECONDS = 24 * 3600
STATUS_CACHE = "public, max-age=1"
KEYS_CACHE = "public, max-age=300"
SHOWN = {TICKET_HEADER: "The ticket; or the cookie `sadd_ticket`."}


class StandingAnswer(Struct, frozen=True, omit_defaults=True):
    """Where a visitor stands. ``pass`` is there when ``admitted``; ask again after ``poll_after_ms``.

    ``expires_in_ms`` is how long a ``called`` one may still claim, or the pass of an ``admitted`` one lasts.
    """

    ticket: str
    number: int
    state: State
    position: int
    estimate_ms: Estimate
    poll_after_ms: int
    pass_: str | None = field(default=None, name="pass")
    expires_in_ms: int | None = None


class RoomAnswer(Struct, frozen=True):
    """What everyone may know of a room. Your position is your number less ``serving``."""

    room: str
    state: RoomState
    serving: int
    issued: int
    waiting: int
    active: int
    outflow_per_minute: int


class KeySet(Struct, frozen=True):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, str]]


def endpoints(rooms: Rooms, passes: PassOffice, view: View) -> list[Endpoint]:
    queues = _Queues(rooms, view)

    async def published(call: Call) -> web.StreamResponse:
        return tagged(call.request, msgspec.json.encode(passes.jwks()), KEYS_CACHE)

    standing = {200: StandingAnswer, 403: None, 404: None, 503: None}
    room = {200: RoomAnswer, 304: None, 404: None, 503: None}
    joined = {200: StandingAnswer, 404: None, 503: None}
    return [
        Endpoint(
            "POST",
            f"{ROOM}/tickets",
            queues.join,
            "Join the line",
            TAG,
            answers=joined,
            headers=SHOWN,
            description="Whoever shows a ticket that is in force keeps its place. When nobody waits and "
            "there is room the first answer has the pass.",
        ),
        Endpoint(
            "GET",
            ROOM,
            queues.status,
            "What everyone may know of a room",
            TAG,
            answers=room,
            lane=LaneEndpoint(queues.ask_status, tell_status, STATUS_CACHE),
        ),
        Endpoint(
            "GET",
            f"{ROOM}/ticket",
            queues.standing,
            "Where a ticket stands",
            TAG,
            answers=standing,
            headers=SHOWN,
        ),
        Endpoint(
            "POST",
            f"{ROOM}/claim",
            queues.claim,
            "Take the turn",
            TAG,
            answers=standing,
            headers=SHOWN,
            description="Once called. A retry gets the same pass. Without a pass the answer says how things "
            "stand: `called` means that the room is full just now and the turn is kept.",
        ),
        Endpoint(
            "POST",
            f"{ROOM}/leave",
            queues.leave,
            "Give up the place, the turn or the slot",
            TAG,
            answers=standing,
            headers=SHOWN,
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


@dataclass(frozen=True, slots=True)
class _Queues:
    rooms: Rooms
    view: View

    async def join(self, call: Call) -> web.StreamResponse:
        room = room_of(self.view, call.request.match_info["room"])
        with _refusing():
            standing = await self.rooms.join(room, _shown(call.request))
        response = _answer(standing)
        _keep(response, room.id, standing.ticket, COOKIE_SECONDS)
        return response

    async def status(self, call: Call) -> web.StreamResponse:
        room = room_of(self.view, call.request.match_info["room"])
        with _refusing():
            status = await self.rooms.status(room)
        return tagged(call.request, _room_answer(status), STATUS_CACHE)

    def ask_status(self, asked: Question, done: Callable[[RoomStatus | Exception], None]) -> None:
        """At once from what is known; once a second, when it is too old, those who ask wait for the store."""
        room = room_of(self.view, asked.parameter)
        known = self.rooms.known_status(room)
        if known is not None:
            done(known)
            return
        asyncio.ensure_future(self.rooms.status(room)).add_done_callback(partial(_pass_on, done))

    async def standing(self, call: Call) -> web.StreamResponse:
        room = room_of(self.view, call.request.match_info["room"])
        with _refusing():
            return _answer(await self.rooms.standing(room, _shown(call.request)))

    async def claim(self, call: Call) -> web.StreamResponse:
        room = room_of(self.view, call.request.match_info["room"])
        with _refusing():
            return _answer(await self.rooms.claim(room, _shown(call.request)))

    async def leave(self, call: Call) -> web.StreamResponse:
        room = room_of(self.view, call.request.match_info["room"])
        with _refusing():
            response = _answer(await self.rooms.leave(room, _shown(call.request)))
        _keep(response, room.id, "", 0)
        return response


def tell_status(status: RoomStatus | Exception) -> Told:
    with _refusing():
        if isinstance(status, Exception):
            raise status
    body = _room_answer(status)
    return body, f"ETag: {tag_of(body)}\r\n"


def _pass_on(done: Callable[[RoomStatus | Exception], None], asking: asyncio.Future[RoomStatus]) -> None:
    if asking.cancelled():  # the worker ends
        done(StoreUnavailable("not asked to the end"))
    else:
        done(asking.exception() or asking.result())  # type: ignore[arg-type]  # no more than an Exception


def _room_answer(status: RoomStatus) -> bytes:
    return encode_json(
        RoomAnswer(
            room=status.room,
            state=status.state,
            serving=status.serving,
            issued=status.issued,
            waiting=status.waiting,
            active=status.active,
            outflow_per_minute=status.outflow_per_minute,
        )
    )


def _shown(request: web.Request) -> str:
    return request.headers.get(TICKET_HEADER) or request.cookies.get(TICKET_COOKIE, "")


def _keep(response: web.Response, room: str, ticket: str, seconds: int) -> None:
    """Set the room's own cookie; its path keeps the tickets of several rooms apart."""
    response.set_cookie(
        TICKET_COOKIE,
        ticket,
        max_age=seconds,
        path=f"/v1/queues/{room}",
        secure=True,
        httponly=True,
        samesite="Lax",
    )


def _answer(standing: Standing) -> web.Response:
    answer = StandingAnswer(
        ticket=standing.ticket,
        number=standing.number,
        state=standing.state,
        position=standing.position,
        estimate_ms=standing.estimate_ms,
        poll_after_ms=standing.poll_after_ms,
        pass_=standing.admission,
        expires_in_ms=standing.expires_in_ms,
    )
    return json_answer(answer)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except InvalidTicket:
        detail = "Show the ticket that a join of this room gave you; or join anew."
        raise Problem(403, "invalid-ticket", "This is no ticket of this room.", detail) from None
    except StoreUnavailable:
        raise store_away("The room stays shut meanwhile. Keep your ticket: it holds your place.") from None
