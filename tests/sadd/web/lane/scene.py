"""Two servers with the same endpoints, one with the fast lane and one without, and what each answers.

The engine is a stand-in that decides by the question alone, so that both servers say the same.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

from aiohttp import web

from queueing.passes import PassKey, PassOffice
from queueing.policy import Room
from queueing.rooms import Rooms
from queueing.store import Counted, Line, Store, StoreUnavailable
from queueing.ticket import TicketKeys, TicketOffice
from ratelimit.decision import Decision, Verdict
from ratelimit.limiter import Check
from sadd.gate import endpoints as gate
from sadd.gate.gate import Gate
from sadd.limits.desk import Desk
from sadd.limits.joining import Joining
from sadd.rooms.holder import Holders
from sadd.rooms.view import RoomsView
from sadd.settings import Gate as GateSettings
from sadd.settings import Server
from sadd.web import limits, queues
from sadd.web.answer import json_answer
from sadd.web.endpoint import Call, Endpoint
from sadd.web.visits import Visits
from tests.queueing.ledger import PlainLedger
from tests.sadd.gate.scene import OneSession
from tests.sadd.web.scene import Keys, View, catalogue
from tests.sadd.web.served import Served, endpoint, served

KEY = b"Bearer sadd_moehe_secret"
BODY = b'{"policy":"moehe-results","key":"citizen-1","cost":1}'
END = b"GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
"""Asked behind a case: its answer tells that the connection was still open, and then ends it."""

LIMITS = Server(
    port=0,
    max_header_bytes=4096,
    max_body_bytes=65_536,
    first_byte_timeout_seconds=0.4,
    idle_timeout_seconds=0.5,
    drain_timeout_seconds=2,
)
PATIENT = replace(LIMITS, first_byte_timeout_seconds=5, idle_timeout_seconds=5)


@dataclass
class Engine:
    """Decides at the next turn of the loop. ``held`` keeps the answers back.

    Refused are costs above 20 and the address 203.0.113.1.
    """

    held: list[Callable[[], None]] | None = None
    asked: list[Check] = field(default_factory=list)

    def ask(self, check: Check, done: Callable[[Decision], None]) -> None:
        self.asked.append(check)
        allowed = check.cost <= 20 and not check.key.startswith("203.0.113.1")
        remaining, retry_after_ms = (20 - check.cost, None) if allowed else (0, 1500)
        policy = check.policy
        decision = Decision(allowed, policy.id, policy.limit, remaining, 999, retry_after_ms)
        if self.held is not None:
            self.held.append(lambda: done(decision))
        elif check.key == "at once":
            done(decision)
        else:
            asyncio.get_running_loop().call_soon(done, decision)

    def ask_many(self, checks: Sequence[Check], done: Callable[[list[Decision]], None]) -> None:
        joining: Joining[Decision] = Joining(len(checks), done)
        for place, check in enumerate(checks):
            self.ask(check, partial(joining.put, place))

    def ask_together(self, checks: Sequence[Check], done: Callable[[Verdict], None]) -> None:
        raise NotImplementedError

    def release(self) -> None:
        """Answer all that is held, and the rest as it comes."""
        held, self.held = self.held or [], None
        for answer in held:
            answer()


class RoomStore:
    """Room ``moehe-results`` with ten in line; any other room's counters are away."""

    async def status(self, room: Room, now_us: int | None = None) -> Counted:
        if room.id != "moehe-results":
            raise StoreUnavailable("away")
        return Counted(1, 0, 2, 10, 0, None, {"": Line(20, 10)})


def endpoints(engine: Engine) -> list[Endpoint]:
    """Those of the lane, with and without its ways, and a few others."""

    async def fine(call: Call) -> web.StreamResponse:
        return json_answer({"body": len(call.body or b"")})

    async def echoed(call: Call) -> web.StreamResponse:
        return json_answer({"room": call.request.match_info["room"]})

    view = View(catalogue())
    tickets = TicketOffice(TicketKeys("0000000a", {"0000000a": b"t" * 32}))
    passes = PassOffice([PassKey("0000000b", b"p" * 32)])
    rooms = Rooms(cast("Store", RoomStore()), tickets, passes, PlainLedger())
    return [
        *limits.endpoints(Desk(engine, view)),
        *gate.endpoints(Gate(Desk(engine, view), OneSession(), view, GateSettings())),
        *queues.endpoints(Visits(rooms, RoomsView(None, view), Holders(b"h" * 32)), passes),
        endpoint(fine),
        endpoint(fine, method="PUT", raw_body=True),
        endpoint(echoed, path="/v1/echo/{room}"),
    ]


@asynccontextmanager
async def server(engine: Engine, limits_: Server = LIMITS, *, lane: bool = True) -> AsyncIterator[Served]:
    async with served(endpoints(engine), keys=Keys(), limits=replace(limits_, fast_lane=lane)) as site:
        yield site


@asynccontextmanager
async def both() -> AsyncIterator[tuple[Served, Served]]:
    """With the lane, and without."""
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(server(Engine())),
            await stack.enter_async_context(server(Engine(), lane=False)),
        )


def post(
    *headers: bytes,
    body: bytes = BODY,
    path: bytes = b"/v1/limits/check",
    length: bytes | None = None,
    key: bytes | None = KEY,
    media_type: bytes | None = b"application/json",
) -> bytes:
    """A check."""
    lines = [b"POST %b HTTP/1.1" % path, b"Host: x", *headers]
    if key is not None:
        lines.append(b"Authorization: " + key)
    if media_type is not None:
        lines.append(b"Content-Type: " + media_type)
    lines.append(b"Content-Length: " + (length or str(len(body)).encode()))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Answered:
    """One answer, without what differs each time."""

    status: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


_PASSING = {b"content-length": b"*", b"date": b"*", b"x-request-id": b"*", b"traceresponse": b"*"}
_ID = re.compile(rb'"request_id":"[0-9a-f-]{24,36}"')


def answers(received: bytes) -> list[Answered]:
    """What a client of HTTP/1.1 reads in these bytes. A piece that is no whole answer is one of its own."""
    found = []
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        headers = [(name.lower(), value) for name, _, value in (line.partition(b": ") for line in lines)]
        length = int(dict(headers).get(b"content-length", b"0"))
        if rest.startswith(b"HTTP/1.1 "):  # the answer to a HEAD
            length = 0
        # A problem has the request id, whose length may differ, in its body.
        body = _ID.sub(b'"request_id":"*"', rest[:length])
        plain = tuple(sorted((name, _PASSING.get(name, value)) for name, value in headers))
        found.append(Answered(status, plain, body if end else b"(cut)" + received))
        received = rest[length:]
    return found


async def exchange(site: Served, pieces: Sequence[bytes]) -> list[Answered]:
    """All answers until the server closes. Each piece is received before the next one is sent."""
    reader, writer = await site.raw()
    try:
        for piece in pieces[:-1]:
            writer.write(piece)
            await _received(site)
        writer.write(pieces[-1])
        async with asyncio.timeout(30):
            return answers(await _read(reader))
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        while part := await reader.read(65_536):
            received += part
    except ConnectionError:  # the server refused while more was being sent
        pass
    return received


async def _received(site: Served) -> None:
    """Until the server has read what was sent so far: a turn of its loop, which is ours too."""
    async with site.client.get("/try") as answer:
        await answer.read()
