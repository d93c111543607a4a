"""The operator's page at ``/operator/queues``: the rooms, and what pulling a lever would do, then does.

It shuts: nobody sees or does anything without a session, and while a store is away it says so. Every change
is shown first, made by the functions that the API calls, and recorded in the audit under the key that
signed in.
"""

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from sadd.session.store import StoreUnavailable as SessionsAway
from sadd.web.endpoint import Call, Endpoint
from sadd.web.operator import door as doors
from sadd.web.operator.assets import serve_asset
from sadd.web.operator.desk import Desk
from sadd.web.operator.door import Door, Refused, Visit
from sadd.web.operator.form import BYTES_MAX, fields
from sadd.web.operator.page import elsewhere, message, page
from sadd.web.operator.rooms import RoomPages

TAG = "operator"
ROOMS = "/operator/queues"
SIGN_IN = "/operator/sign-in"

Shown = Callable[[Call, Visit], Awaitable[web.StreamResponse]]


def endpoints(door: Door, desk: Desk) -> list[Endpoint]:
    own = _Entrance(door)
    rooms = RoomPages(desk)
    seen, sent = own.seen, own.sent
    return [
        _page("GET", "/operator", own.begin, "To the operator's page"),
        _page("GET", SIGN_IN, own.ask, "The form to sign in with an API key"),
        _page("POST", SIGN_IN, own.sign_in, "Sign in with an API key of the scope queues:admin"),
        _page("POST", "/operator/sign-out", sent(own.sign_out), "End the session"),
        _page("GET", "/operator/static/{name}", serve_asset, "A file of the page"),
        _page("GET", ROOMS, seen(rooms.overview), "Live rooms"),
        _page("GET", f"{ROOMS}/{{room}}", seen(rooms.room), "One room: its numbers, last hour and levers"),
        _page("POST", f"{ROOMS}/{{room}}/preview", sent(rooms.preview), "What a change would do"),
        _page("POST", f"{ROOMS}/{{room}}/apply", sent(rooms.apply), "Make the change"),
    ]


def _page(
    method: str, path: str, handle: Callable[[Call], Awaitable[web.StreamResponse]], summary: str
) -> Endpoint:
    posted = method == hdrs.METH_POST
    return Endpoint(
        method,
        path,
        handle,
        summary,
        TAG,
        open_query=True,  # a person's address with something added to it is no fault to tell him of in JSON
        raw_body=posted,
        body_bytes_max=BYTES_MAX if posted else None,
        media_type="text/html",
        description="A page for people, not part of the API: it may change with any release.",
    )


class _Entrance:
    """Signing in and out, and who may see a page or send a form."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def seen(self, show: Shown) -> Callable[[Call], Awaitable[web.StreamResponse]]:
        """A page for who is signed in; others are sent to the form."""

        async def shown(call: Call) -> web.StreamResponse:
            try:
                visit = await self._door.visit(call.request)
            except SessionsAway:
                return message(call.request, 503, "store_away")
            return elsewhere(SIGN_IN) if visit is None else await show(call, visit)

        return shown

    def sent(self, do: Shown) -> Callable[[Call], Awaitable[web.StreamResponse]]:
        """A form of who is signed in; one that another site made him send does nothing."""

        async def done(call: Call) -> web.StreamResponse:
            if not doors.is_ours(call.request):
                return message(call.request, 403, "foreign")
            try:
                visit = await self._door.visit(call.request)
                if visit is None:
                    return elsewhere(SIGN_IN)
                if not doors.is_right(visit, fields(call.request, call.body).get("token", "")):
                    return message(call.request, 403, "foreign")
                return await do(call, visit)
            except SessionsAway:
                return message(call.request, 503, "store_away")

        return done

    async def begin(self, _: Call) -> web.StreamResponse:
        return elsewhere(ROOMS)

    async def ask(self, call: Call) -> web.StreamResponse:
        try:
            visit = await self._door.visit(call.request)
        except SessionsAway:
            return message(call.request, 503, "store_away")
        return page(call.request, "sign_in.html", problem="") if visit is None else elsewhere(ROOMS)

    async def sign_in(self, call: Call) -> web.StreamResponse:
        if not doors.is_ours(call.request):
            return message(call.request, 403, "foreign")
        try:
            session_id = await self._door.sign_in(
                call.request, fields(call.request, call.body).get("key", "")
            )
        except Refused as refused:
            answer = page(call.request, "sign_in.html", refused.status, problem=refused.reason)
            if refused.retry_after_seconds:
                answer.headers[hdrs.RETRY_AFTER] = str(refused.retry_after_seconds)
            return answer
        except SessionsAway:
            return message(call.request, 503, "store_away")
        answer = elsewhere(ROOMS)
        doors.keep(answer, session_id)
        return answer

    async def sign_out(self, _: Call, visit: Visit) -> web.StreamResponse:
        await self._door.sign_out(visit)
        answer = elsewhere(SIGN_IN)
        doors.drop(answer)
        return answer
