"""What an agency's backend tells a room and asks of it: how the origin does, and whether a pass is good."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta, Struct

from queueing.passes import InvalidPass, Pass, PassOffice
from queueing.spent import MARK_BYTES, SpentPasses
from queueing.store import StoreUnavailable
from sadd.identity.caller import Caller
from sadd.rooms.spec import RoomSpec
from sadd.web.answer import encode_json, json_answer
from sadd.web.away import store_away
from sadd.web.endpoint import Call, Endpoint
from sadd.web.lane.endpoint import LaneEndpoint, Question, Told
from sadd.web.problem import Problem
from sadd.web.visits import JOIN_SCOPE, Visits, refusing

TAG = "queues"
ROOM = "/v1/queues/{room}"
FEEDBACK_SCOPE = "queues:feedback"
BODY_BYTES_MAX = 8_192
COUNT_MAX = 10_000_000
LATENCY_MS_MAX = 3_600_000


class FeedbackRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What became of the origin's requests since the last feedback."""

    ok: Annotated[int, Meta(ge=0, le=COUNT_MAX, description="Answered well.", examples=[980])]
    failed: Annotated[int, Meta(ge=0, le=COUNT_MAX, description="Failed, or given up.", examples=[20])] = 0
    latency_ms: Annotated[
        float, Meta(ge=0, le=LATENCY_MS_MAX, description="Their mean latency.", examples=[120.0])
    ] = 0.0


class VerifyRequest(Struct, frozen=True, forbid_unknown_fields=True, rename={"pass_": "pass"}):
    """A pass that somebody has shown you."""

    pass_: Annotated[str, Meta(min_length=1, max_length=4096, description="As it was shown.")]
    service: Annotated[str, Meta(max_length=200, description="Where it is to let in; empty: anywhere.")] = ""
    spend: Annotated[bool, Meta(description="Let in by it, once: a second time it is `spent`.")] = False
    visitor: Annotated[
        str, Meta(max_length=512, description="Who shows it: may repeat within ten seconds.")
    ] = ""


class EndRequest(Struct, frozen=True, forbid_unknown_fields=True):
    pass_id: Annotated[
        str, Meta(min_length=1, max_length=100, description="The `jti` of the pass that opened the session.")
    ]


class VerifyAnswer(Struct, frozen=True, omit_defaults=True):
    """``why`` it is not valid; else whose place it is from, its own id, and for how long it is good."""

    valid: bool
    why: str = ""
    holder: str = ""
    id: str = ""
    service: str = ""
    expires_in_ms: int | None = None


def endpoints(visits: Visits, passes: PassOffice, spent: SpentPasses, authority: str) -> list[Endpoint]:
    backends = _Backends(visits, passes, spent, authority)
    return [
        Endpoint(
            "POST",
            f"{ROOM}/feedback",
            backends.feedback,
            "How the room's origin does",
            TAG,
            body=FeedbackRequest,
            body_bytes_max=BODY_BYTES_MAX,
            answers={204: None, 404: None, 503: None},
            scope=FEEDBACK_SCOPE,
            description="Errors and latency take from the outflow, good news give it back. Send it every "
            "second or so; of several processes each tells its own.",
        ),
        Endpoint(
            "POST",
            f"{ROOM}/verify",
            backends.verify,
            "Is a pass good?",
            TAG,
            body=VerifyRequest,
            body_bytes_max=BODY_BYTES_MAX,
            answers={200: VerifyAnswer, 404: None, 503: None},
            scope=JOIN_SCOPE,
            description="For who cannot verify it offline with `/.well-known/jwks.json`, or wants it to let "
            "in once. A bad pass is an answer: 200 with `valid: false`.",
            lane=LaneEndpoint(backends.ask, tell),
        ),
        Endpoint(
            "POST",
            f"{ROOM}/end",
            backends.end,
            "The session that a pass opened is over",
            TAG,
            body=EndRequest,
            body_bytes_max=BODY_BYTES_MAX,
            answers={204: None, 404: None, 503: None},
            scope=JOIN_SCOPE,
            description="Its holder has left or was signed out: the slot is the next one's at once, not "
            "when the pass ends. A pass that is over, or none of this room, ends nothing.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Backends:
    visits: Visits
    passes: PassOffice
    spent: SpentPasses
    authority: str

    async def feedback(self, call: Call) -> web.StreamResponse:
        spec = self._own(call.request.match_info["room"], call.caller)
        body: FeedbackRequest = call.body
        with refusing():
            await self.visits.rooms.feedback(spec.room, body.ok, body.failed, body.latency_ms)
        return web.Response(status=204)

    async def end(self, call: Call) -> web.StreamResponse:
        spec = self._own(call.request.match_info["room"], call.caller)
        with refusing():
            await self.visits.rooms.end(spec.room, call.body.pass_id)
        return web.Response(status=204)

    async def verify(self, call: Call) -> web.StreamResponse:
        spec = self._own(call.request.match_info["room"], call.caller)
        answer = self.read(spec, call.body)
        if isinstance(answer, Pass):
            answer = await self.let_in(spec, call.body, answer)
        return json_answer(answer)

    def ask(self, asked: Question, done: Callable[[VerifyAnswer | BaseException], None]) -> None:
        spec = self._own(asked.parameter, asked.caller)
        answer = self.read(spec, asked.body)
        if isinstance(answer, VerifyAnswer):
            done(answer)
            return
        letting: asyncio.Future[VerifyAnswer] = asyncio.ensure_future(self.let_in(spec, asked.body, answer))
        letting.add_done_callback(partial(_pass_on, done))

    def read(self, spec: RoomSpec, body: VerifyRequest) -> VerifyAnswer | Pass:
        """The answer; or the pass, if it is good and still to be spent."""
        try:
            found = self.passes.read(body.pass_, spec.id, body.service or None)
        except InvalidPass as wrong:
            return VerifyAnswer(valid=False, why=str(wrong))
        return found if body.spend else _valid(found)

    async def let_in(self, spec: RoomSpec, body: VerifyRequest, found: Pass) -> VerifyAnswer:
        mark = hashlib.sha256(body.visitor.encode()).digest()[:MARK_BYTES]
        try:
            spending = await self.spent.spend(spec.id, found.id, mark, _left_ms(found))
        except StoreUnavailable:
            raise store_away("Nobody knows whether the pass was spent. Let nobody in by it.") from None
        if spending == "spent" or (spending == "again" and not body.visitor):
            return VerifyAnswer(valid=False, why="spent")
        return _valid(found)

    def _own(self, room: str, caller: Caller | None) -> RoomSpec:
        """Problem: there is no such room, or it is another agency's."""
        spec = self.visits.spec(room)
        assert caller is not None, "the scope has been asked for"
        if caller.agency not in (spec.agency, self.authority):
            detail = f"The room is {spec.agency}'s."
            raise Problem(403, "foreign-agency", "The room belongs to another agency.", detail)
        return spec


def tell(answer: VerifyAnswer | BaseException) -> Told:
    if isinstance(answer, BaseException):
        raise answer
    return encode_json(answer), ""


def _pass_on(done: Callable[[Any], None], letting: "asyncio.Future[VerifyAnswer]") -> None:
    if letting.cancelled():  # the worker ends
        done(store_away("Not asked to the end."))
    else:
        done(letting.exception() or letting.result())


def _valid(found: Pass) -> VerifyAnswer:
    return VerifyAnswer(True, "", found.holder, found.id, found.service, _left_ms(found))


def _left_ms(found: Pass) -> int:
    return max(0, round((found.ends_s - time.time()) * 1000))
