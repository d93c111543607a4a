"""The calls about a waiting room. None has a way for when the platform is away: the room stays shut then.

All but a join may be repeated; a repeated join wastes a number and nothing else.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sadd_client.answers import integer, members, name
from sadd_client.clock import now
from sadd_client.courier import Courier
from sadd_client.place import Place, place_of
from sadd_client.ports import Io
from sadd_client.wire import Request

TICKET = "Sadd-Ticket"
POLL_SECONDS_MAX = 60.0


class Queue:
    """One room, of one client."""

    def __init__(self, room: str, courier: Courier, io: Io, prefix: str, deadline_seconds: float) -> None:
        if not room:
            raise ValueError("room is empty")
        self.room = room
        self._courier = courier
        self._io = io
        self._path = f"{prefix}/v1/queues/{quote(room, safe='')}"
        self._deadline_seconds = deadline_seconds

    async def join(self, ticket: str | None, subject: str | None, lane: str) -> Place:
        said = {"subject": subject, "lane": lane or None}
        body = {name: value for name, value in said.items() if value is not None}
        return await self._place("POST", "tickets", ticket, body, repeatable=ticket is not None)

    async def standing(self, ticket: str) -> Place:
        return await self._place("GET", "ticket", ticket)

    async def do(self, word: str, ticket: str) -> Place:
        """claim, renew, extend, leave."""
        return await self._place("POST", word, ticket)

    async def wait(self, place: Place, seconds_max: float) -> Place:
        """Ask as often as the platform wants, until the place is called or ``seconds_max`` are over."""
        until = now() + seconds_max
        while not place.decided:
            pause = min(place.poll_after_ms / 1000, POLL_SECONDS_MAX)
            if now() + pause > until:
                return place
            await self._io.pause(pause)
            place = await self.standing(place.ticket)
        return place

    async def resume_code(self, ticket: str) -> str:
        answer = await self._ask("GET", "resume-code", ticket)
        return name(members(answer), "code", answer)

    async def resume(self, code: str) -> Place:
        return await self._place("POST", "resume", None, {"code": code})

    async def entry(self, service: str, text: str, visitor: str) -> tuple[str, int]:
        """The entry that a pass is exchanged for, and how long it is good, in ms."""
        body = {"pass": text, "service": service, "visitor": visitor}
        answer = await self._ask("POST", "entries", None, body)
        found = members(answer)
        return name(found, "entry", answer), integer(found, "expires_in_ms", answer)

    async def keys(self) -> Mapping[str, Any]:
        """The key set that passes are verified with."""
        path = f"{self._path.partition('/v1/queues/')[0]}/.well-known/jwks.json"
        request = Request("GET", path, repeatable=True)
        return members(await self._courier.answer(request, now() + self._deadline_seconds))

    async def _place(
        self,
        method: str,
        word: str,
        ticket: str | None,
        body: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> Place:
        return place_of(self.room, await self._ask(method, word, ticket, body, repeatable=repeatable))

    async def _ask(
        self,
        method: str,
        word: str,
        ticket: str | None,
        body: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> Any:
        encoded = json.dumps(body, separators=(",", ":")).encode() if body else b""
        headers = () if ticket is None else ((TICKET.encode(), _plain(ticket)),)
        request = Request(method, f"{self._path}/{word}", encoded, self.room, repeatable, headers)
        return await self._courier.answer(request, now() + self._deadline_seconds)


def _plain(ticket: str) -> bytes:
    """ValueError: what no platform has given out, and no header can carry."""
    if not ticket.isascii() or not ticket.isprintable():
        raise ValueError("a ticket is printable ASCII")
    return ticket.encode()
