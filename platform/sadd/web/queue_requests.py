"""A request about a place, read: the ticket that it shows, in ``Sadd-Ticket`` or in the room's cookie."""

from collections.abc import Iterator
from typing import Any

from aiohttp import hdrs
from multidict import MultiMapping

from sadd.web.endpoint import Call
from sadd.web.lane.endpoint import Question
from sadd.web.queue_answers import TICKET_COOKIE
from sadd.web.sessions_cookie import session_cookie
from sadd.web.sessions_refused import SESSION_HEADER
from sadd.web.visits import Visit

TICKET_HEADER = "Sadd-Ticket"
_TICKET, _SESSION = TICKET_HEADER.lower().encode(), SESSION_HEADER.lower().encode()


def visit_of(call: Call) -> Visit:
    request, headers = call.request, call.request.headers
    ticket, session = _held(headers.get(TICKET_HEADER), headers.get(SESSION_HEADER), headers.get(hdrs.COOKIE))
    room = request.match_info["room"]
    return Visit(room, ticket, headers, request.remote or "", call.caller, call.body, session)


def visit_asked(asked: Question) -> Visit:
    ticket, session = _held(asked.field(_TICKET), asked.field(_SESSION), asked.field(b"cookie"))
    return Visit(asked.parameter, ticket, _Fields(asked), asked.peer, asked.caller, asked.body, session)


class _Fields(MultiMapping[str]):
    """The fields of a request on the lane, looked at one by one: reading all takes as long as a join."""

    __slots__ = ("_asked",)

    def __init__(self, asked: Question) -> None:
        self._asked = asked

    def __getitem__(self, name: str) -> str:
        found = self._asked.field(name.lower().encode())
        if found is None:
            raise KeyError(name)
        return found

    def getone(self, name: str, *default: Any) -> Any:
        return self.get(name, *default) if default else self[name]

    def getall(self, name: str, *default: Any) -> Any:
        """There is none twice on the lane."""
        found = self._asked.field(name.lower().encode())
        if found is not None:
            return [found]
        return default[0] if default else [self[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._asked.headers)

    def __len__(self) -> int:
        return len(self._asked.headers)


def _held(ticket: str | None, session: str | None, cookie: str | None) -> tuple[str, str]:
    """The ticket and the session that were shown, in a field or in a cookie."""
    cookies = {} if cookie is None else _cookies(cookie)
    return ticket or cookies.get(TICKET_COOKIE, ""), session or session_cookie(cookie)


def _cookies(line: str) -> dict[str, str]:
    """Of a ``Cookie`` field.

    Read by hand: what others set on the domain may be no cookie by the standard, and costs nobody the place.
    """
    pairs = (part.strip().partition("=") for part in line.split(";"))
    return {name: value for name, _, value in pairs}
