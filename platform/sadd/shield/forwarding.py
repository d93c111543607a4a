"""A request sent on for one client alone: nothing is kept, both bodies flow as they come."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from wsgiref.handlers import format_date_time

from cache.rfc9111.answering import shown as kept_from_clients
from sadd.settings import Shield as Settings
from sadd.shield.asking import Answered, Ask, answer_to
from sadd.shield.call import Call
from sadd.shield.head import Fields
from sadd.shield.hops import end_to_end, for_origin, lines
from sadd.shield.line import Line
from sadd.shield.phrases import status_line
from sadd.shield.reply import ReplyHead
from sadd.shield.sites import Site

EVENTS = b"text/event-stream"
"""May be silent for longer than any other body."""


def ask_of(call: Call, told_by_us: Fields) -> Ask:
    """The visitor's own request, as the origin gets it."""
    head = call.head
    return Ask(
        head.method,
        head.target,
        (*for_origin(head.fields), *told_by_us),
        None if head.upgrades or not head.has_body else call.body,
        head.length,
        head.upgrades,
    )


Ends = Callable[[ReplyHead], Awaitable[None]]
"""Told of an answer before the client is: what it ends in the cache must not be shown to him any more."""


async def forward(call: Call, site: Site, ask: Ask, more: Fields, settings: Settings, ends: Ends) -> None:
    """Ask the origin and pass its answer on. ``more`` are fields of the answer too.

    Raises Unanswered before the first byte of an answer; what fails later cuts the connection.
    """
    if ask.body is not None:
        call.want_body()
    answered = await answer_to(ask, site.pool, settings)
    try:
        if answered.head.status == 101 and ask.upgrade:
            await _tunnel(call, answered)
        else:
            await ends(answered.head)
            await pass_on(call, answered, more, settings)
    finally:
        answered.close()


async def pass_on(
    call: Call, answered: Answered, more: Fields, settings: Settings, begun: bytes = b""
) -> None:
    """The answer as it comes, behind ``begun``, which of its body was taken already."""
    head = answered.head
    call.start(head.status, shown(head.fields, more), _length(answered, call))
    silent = (head.get(b"content-type") or b"").startswith(EVENTS)
    within_seconds = None if silent else settings.stall_timeout_seconds
    if begun:
        await call.send(begun)
    while piece := await answered.line.body.next(within_seconds):
        await call.send(piece)
    call.end()


def shown(fields: Fields, more: Fields) -> Fields:
    """An origin's fields as a client gets them: framed by us, with a date."""
    passed = tuple(field for field in kept_from_clients(end_to_end(fields)) if field[0] != b"content-length")
    if not any(name == b"date" for name, _ in passed):
        passed = (*passed, (b"date", format_date_time(time.time()).encode()))
    return (*passed, *more)


def _length(answered: Answered, call: Call) -> int | None:
    head = answered.head
    if head.length is None and (call.head.method == b"HEAD" or head.status in (204, 304)):
        return None if head.status != 204 else 0
    return head.length


async def _tunnel(call: Call, answered: Answered) -> None:
    """Both ways until either ends."""
    head, line = answered.head, answered.line
    hop = b"connection: upgrade\r\nupgrade: websocket\r\n\r\n"
    sending = asyncio.get_running_loop().create_task(_up(call, line))
    try:
        await call.tunnel(status_line(101) + lines(end_to_end(head.fields)) + hop, line.body)
    finally:
        sending.cancel()
        line.close()


async def _up(call: Call, line: Line) -> None:
    assert call.body is not None, "whoever upgrades has a flow for what comes then"
    try:
        while piece := await call.body.next():
            await line.send(piece)
    finally:
        line.close()
