"""One request to an origin: place, connection, head, body, the answer's head; once more if it may.

A request is repeated only where it asks for nothing to be done twice: a method that is idempotent, no body,
and no byte of an answer (RFC 9110 §9.2.2).
"""

import asyncio
import math
import time
from dataclasses import dataclass

from sadd.settings import Shield as Settings
from sadd.shield.flow import Flow, Stalled
from sadd.shield.framing import LAST_CHUNK, BrokenBody, chunk
from sadd.shield.head import Fields
from sadd.shield.hops import lines
from sadd.shield.line import Gone, Line
from sadd.shield.pool import Busy, Pool, Unreachable
from sadd.shield.reply import BadAnswer, ReplyHead
from sadd.web.problem import Problem

BROKEN = (Stalled, Gone, BadAnswer, BrokenBody)
"""What ends an exchange that had begun."""
IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})


@dataclass(frozen=True, slots=True)
class Ask:
    """What is sent. ``fields`` are end to end; ours of the hop are added."""

    method: bytes
    target: bytes
    fields: Fields
    body: Flow | None = None
    length: int | None = 0
    upgrade: bool = False

    @property
    def repeatable(self) -> bool:
        return self.body is None and self.method in IDEMPOTENT and not self.upgrade

    def head(self, authority: bytes) -> bytes:
        framing = b""
        if self.body is not None and self.length is None:
            framing = b"transfer-encoding: chunked\r\n"
        elif self.length or self.method in (b"POST", b"PUT", b"PATCH"):
            framing = b"content-length: %d\r\n" % (self.length or 0)
        if self.upgrade:
            framing += b"connection: upgrade\r\nupgrade: websocket\r\n"
        first = b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (self.method, self.target, authority)
        return first + lines(self.fields) + framing + b"\r\n"


class ClientFailed(Exception):
    """The client's own body broke off or stalled: no fault of the origin's."""


class Unanswered(Exception):
    """The origin gave no answer. ``problem`` is ours; ``kind`` for counting and ``Cache-Status``."""

    def __init__(self, kind: str, problem: Problem) -> None:
        super().__init__(kind)
        self.kind = kind
        self.problem = problem


class Answered:
    """An answer whose body is still to come by ``line``. It holds a place until ``close``."""

    __slots__ = ("_pool", "_sending", "asked_at", "came_at", "head", "line")

    def __init__(self, pool: Pool, sent: "Sent", asked_at: float) -> None:
        self.line, self.head, self._sending = sent
        self.asked_at = asked_at
        """Seconds since the epoch, as ``came_at``."""
        self.came_at = time.time()
        self._pool: Pool | None = pool

    def close(self) -> None:
        """The connection goes back, or ends where the exchange is not over."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if self._sending is not None and not self._sending.done():
            self._sending.cancel()
            self.line.close()  # half a request was sent: what comes next would be read as its rest
        pool.keep(self.line)
        pool.leave()


Sent = tuple[Line, ReplyHead, "asyncio.Task[None] | None"]
"""A request that was answered, and what still sends its body."""


async def answer_to(ask: Ask, pool: Pool, settings: Settings) -> Answered:
    """The origin's answer, as soon as its head is there. Raises Unanswered."""
    try:
        await pool.place(settings.place_timeout_seconds)
    except Busy:
        raise Unanswered("origin-busy", _busy()) from None
    try:
        _admit(pool)
        asked_at = time.time()
        return Answered(pool, await _ask(ask, pool, settings), asked_at)
    except BaseException:
        pool.leave()
        raise


def _admit(pool: Pool) -> None:
    refused = pool.breaker.refused_for(time.monotonic())
    if refused:
        raise Unanswered("origin-away", _away(refused))


async def _ask(ask: Ask, pool: Pool, settings: Settings) -> Sent:
    try:
        # Whatever may not be repeated never meets a kept connection that ends at this very moment.
        found = await _try(ask, pool, settings, fresh=not ask.repeatable)
        if found is None:
            found = await _try(ask, pool, settings, fresh=True)
        if found is None:
            raise Gone(answered=False)
    except asyncio.CancelledError:
        pool.breaker.given_up()
        raise
    except ClientFailed as error:
        pool.breaker.given_up()
        raise Unanswered("client-failed", _broken_off()) from error
    except (Unreachable, *BROKEN) as error:
        pool.breaker.failed(time.monotonic())
        raise Unanswered(*worded(error)) from error
    pool.breaker.answered()
    return found


async def _try(ask: Ask, pool: Pool, settings: Settings, *, fresh: bool) -> Sent | None:
    """None: the connection ended without a word, and the request may be repeated on another."""
    line = await pool.line(fresh=fresh)
    sending: asyncio.Task[None] | None = None
    try:
        await line.ask(ask.method, ask.head(pool.address.authority))
        if ask.body is not None:
            sending = asyncio.get_running_loop().create_task(_send_body(ask, ask.body, line, settings))
            # Once there is an answer nobody asks any more how the rest of the body fared.
            sending.add_done_callback(lambda task: task.cancelled() or task.exception())
            await _sent_or_answered(sending, line)
        return line, await line.answer(settings.answer_timeout_seconds), sending
    except Gone as gone:
        line.close()
        if fresh or gone.answered or not ask.repeatable:
            raise
        return None
    except BaseException:
        if sending is not None:
            sending.cancel()
        line.close()
        raise


async def _sent_or_answered(sending: "asyncio.Task[None]", line: Line) -> None:
    """Wait until the body is sent, or the origin has answered without the rest of it."""
    while not sending.done() and not line.has_answer and line.is_open:
        await asyncio.wait({sending}, timeout=_LOOK_SECONDS)
    if sending.done() and not line.has_answer:
        sending.result()


_LOOK_SECONDS = 0.05


async def _send_body(ask: Ask, body: Flow, line: Line, settings: Settings) -> None:
    while piece := await _of_client(body, settings):
        await line.send(chunk(piece) if ask.length is None else piece)
    if ask.length is None:
        await line.send(LAST_CHUNK)


async def _of_client(body: Flow, settings: Settings) -> bytes:
    try:
        return await body.next(settings.stall_timeout_seconds)
    except (BrokenBody, Stalled) as error:
        raise ClientFailed(str(error)) from error


def worded(error: Exception) -> tuple[str, Problem]:
    if isinstance(error, Stalled):
        return "origin-late", Problem(504, "origin-late", "The service did not answer in time.")
    if isinstance(error, BadAnswer | BrokenBody):
        return "origin-malformed", Problem(502, "origin-malformed", "The service's answer cannot be read.")
    return "origin-unreachable", Problem(502, "origin-unreachable", "The service cannot be reached.")


def _broken_off() -> Problem:
    return Problem(400, "malformed-http", "The request's body broke off, or cannot be read in one way.")


def _busy() -> Problem:
    return Problem(503, "origin-busy", "The service is busy.", headers={"Retry-After": "5"})


def _away(seconds: float) -> Problem:
    return Problem(
        503,
        "origin-away",
        "The service does not answer just now.",
        headers={"Retry-After": str(max(1, math.ceil(seconds)))},
    )
