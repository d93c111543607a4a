"""The door of the waiting rooms: what the doorkeeper says, as problems, and the challenges it asks to meet.

The endpoints that join and claim call ``Door`` before they call the engine. Whoever is asked for work finds
the challenge in the problem, meets it (``/v1/challenges/work.js`` in a page, ten lines in an app), asks again
with ``Sadd-Work``; or waits for ``plain_after_ms`` and shows the challenge alone.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from typing import Protocol

from aiohttp import web
from msgspec import Struct
from multidict import MultiMapping

from queueing.rooms import Rooms
from queueing.store import StoreUnavailable
from queueing.work import Challenge
from sadd.rooms.doorkeeper import Doorkeeper, Judgement, Knock
from sadd.rooms.spec import RoomSpec
from sadd.rooms.tide import Tides
from sadd.web.answer import json_answer
from sadd.web.conditions import tagged
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem

TAG = "queues"
WORK_HEADER = "Sadd-Work"
SHOWN = {
    WORK_HEADER: "The answer to a challenge that was asked for; or the challenge alone, in the plain way."
}
SOLVER_CACHE = "public, max-age=86400"
RETRY_LEAST_S = 1


class Visitors(Protocol):
    """Who calls, by the words of our own proxies (``sadd.gate.trust.Trust``)."""

    def visitor(self, peer: str, told: Sequence[str]) -> str | None: ...


class Asking(Protocol):
    """What is looked at of a request; aiohttp's own is one."""

    @property
    def headers(self) -> MultiMapping[str]: ...

    @property
    def remote(self) -> str | None: ...


class Views(Protocol):
    """What is asked of the rooms' view."""

    @property
    def current(self) -> Mapping[str, RoomSpec]: ...


class ChallengeAnswer(Struct, frozen=True):
    """A challenge to meet. ``parts`` counters, each of which gives a hash with ``bits`` zero bits in front.

    Without any computing it is good ``plain_after_ms`` after it was given out, until ``expires_in_ms``.
    """

    text: str
    bits: int
    parts: int
    expires_in_ms: int
    plain_after_ms: int


@dataclass(frozen=True, slots=True)
class Address:
    """How the visitor's address is found: ``header`` is the field in which our proxies tell it."""

    trust: Visitors
    header: str

    def of(self, request: Asking) -> str:
        """Empty: a proxy of ours did not say for whom it calls, and nobody is counted for another."""
        peer = request.remote or ""
        told = self.trust.visitor(peer, request.headers.getall(self.header, []))
        if told is None:
            return peer
        return "" if self.trust.visitor(told, ()) is not None else told


class Door:
    """What joins and claims pass by. One for each worker; ``clock`` is in seconds since the epoch."""

    def __init__(
        self,
        keeper: Doorkeeper,
        rooms: Rooms,
        address: Address,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keeper = keeper
        self._rooms = rooms
        self._address = address
        self._clock = clock
        self._tides = Tides()

    async def at_join(self, spec: RoomSpec, request: Asking, work: str | None = None) -> bytes | None:
        """Before a number is given out; not for who has a place already. Whom the place is for, or None.

        ``work`` is the answer where a form has it, not the header. Problem: 428 with a challenge, or 429.
        """
        knock = self._knock(spec, request, work)
        said = await self._keeper.at_join(knock, await self._tide(spec), self._now_ms())
        if not said.allowed:
            raise refusal(said)
        return said.holder

    def lets_by(self, request: Asking) -> bool:
        """Whether ``at_join`` has nothing to judge him by; else it is to be asked."""
        return self._keeper.lets_by(self._address.of(request))

    async def at_claim(self, spec: RoomSpec, request: Asking, number: int, work: str | None = None) -> None:
        """Before a turn is taken. Problem: 428 with a challenge; turn and place are kept."""
        if not spec.bots.challenge_at_front:
            return
        knock = self._knock(spec, request, work, number)
        said = await self._keeper.at_turn(knock, await self._tide(spec), self._now_ms())
        if not said.allowed:
            raise refusal(said)

    async def offer(self, spec: RoomSpec, request: Asking) -> Challenge | None:
        """A challenge for who begins before he is asked; None: none will be asked of him."""
        if spec.bots.proof_of_work == "off":
            return None
        return self._keeper.offer(self._knock(spec, request, None), await self._tide(spec), self._now_ms())

    def _knock(self, spec: RoomSpec, request: Asking, work: str | None, number: int = 0) -> Knock:
        shown = work if work is not None else request.headers.get(WORK_HEADER, "")
        return Knock(spec.room, spec.bots, self._address.of(request), shown, number)

    async def _tide(self, spec: RoomSpec) -> float:
        """Joins a minute. The status is one value a second for the worker; without a store, the last."""
        room = spec.room
        if spec.bots.proof_of_work == "off" and not spec.bots.challenge_at_front:
            return 0.0
        try:
            status = await self._rooms.status(room)
        except StoreUnavailable:
            return self._tides.last(room.id)
        return self._tides.observe(room.id, status.issued, self._now_ms())

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def refusal(said: Judgement) -> Problem:
    """In words, with the challenge to meet or the time to come again."""
    wait_ms = said.retry_after_ms
    extra: dict[str, object] = {} if wait_ms is None else {"retry_after_ms": wait_ms}
    headers = {} if wait_ms is None else {"Retry-After": str(max(-(-wait_ms // 1000), RETRY_LEAST_S))}
    if said.why == "later":
        detail = "From your network many have joined within a minute. Come again after the time that is told."
        title = "Too many joins from one network."
        return Problem(429, "too-many-joins", title, detail, extra=extra, headers=headers)
    detail = (
        "Meet the challenge and ask again with Sadd-Work; or show it alone once plain_after_ms have passed."
    )
    if said.challenge is not None:
        extra["challenge"] = answer_of(said.challenge)
    else:
        detail = "The challenge is good without work after the time that is told. Keep it until then."
    return Problem(
        428, "work-required", "Some work is asked for first.", detail, extra=extra, headers=headers
    )


def answer_of(challenge: Challenge) -> ChallengeAnswer:
    return ChallengeAnswer(
        text=challenge.text,
        bits=challenge.bits,
        parts=challenge.parts,
        expires_in_ms=challenge.expires_in_ms,
        plain_after_ms=challenge.plain_after_ms,
    )


class Offered(Struct, frozen=True):
    """``challenge`` is null where none will be asked for."""

    challenge: ChallengeAnswer | None


def endpoints(door: Door, view: Views) -> list[Endpoint]:
    solver = resources.files("sadd.web").joinpath("challenge_work.js").read_bytes()

    async def offered(call: Call) -> web.StreamResponse:
        spec = view.current.get(call.request.match_info["room"])
        if spec is None:
            raise Problem(404, "unknown-room", "There is no such waiting room.")
        challenge = await door.offer(spec, call.request)
        return json_answer(Offered(None if challenge is None else answer_of(challenge)))

    async def script(call: Call) -> web.StreamResponse:
        response = tagged(call.request, solver, SOLVER_CACHE)
        if response.status == HTTPStatus.OK:
            response.content_type = "text/javascript"
        return response

    return [
        Endpoint(
            "GET",
            "/v1/queues/{room}/challenge",
            offered,
            "A challenge to meet before a join",
            TAG,
            answers={200: Offered, 404: None},
            description="For who begins before he is asked: a join that is refused for it brings one too.",
        ),
        Endpoint(
            "GET",
            "/v1/challenges/work.js",
            script,
            "What meets a challenge in a page",
            TAG,
            answers={200: None, 304: None},
            media_type="text/javascript",
            description="A Web Worker: post it `{text, bits, parts}`, it posts `{shown}`.",
        ),
    ]
