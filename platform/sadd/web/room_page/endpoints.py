"""The waiting room at ``/queue/{room}``: GET shows a page, POST does what a button says.

While the store is away the page says so with 503 and keeps the place, which is in the visitor's own cookie.
Nothing of a visitor is logged or stored here: the ticket is in a cookie or in a form, a code in a form or
behind a ``#``.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from aiohttp import hdrs, web

from queueing.standing import Standing
from queueing.store import StoreUnavailable
from sadd.catalogue.model import Catalogue
from sadd.rooms.spec import RoomSpec
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem
from sadd.web.queue_answers import TICKET_COOKIE, ticket_cookie
from sadd.web.room_page.asked import FORM_BYTES_MAX, MARKER, Form, form_of, headers_with, is_ours
from sadd.web.room_page.look import look_of
from sadd.web.room_page.page import RoomPage
from sadd.web.room_page.reply import moved, page, unknown
from sadd.web.room_page.showing import Scene, away, shown
from sadd.web.room_page.target import kept, origins
from sadd.web.room_page.view import Fault, Work
from sadd.web.sessions_cookie import session_cookie
from sadd.web.visits import Visit, Visits

TAG = "pages"
ROOM = "/queue/{room}"

FAULTS: Mapping[str, tuple[Fault, int]] = {
    "invalid-ticket": ("place", 403),
    "invalid-code": ("code", 422),
    "too-many-joins": ("busy", 429),
    "identity-required": ("identity", 401),
}
"""What a refusal is called on the page, and the status of that page."""


class View(Protocol):
    """What is asked of the catalogue's view."""

    @property
    def current(self) -> Catalogue: ...


def endpoints(
    pages: RoomPage,
    visits: Visits,
    view: View,
    *,
    rooms_url: str = "",
    clock: Callable[[], float] = time.time,
) -> list[Endpoint]:
    """``rooms_url`` is where visitors reach this platform; empty: at the host that they ask."""
    room = _Room(pages, visits, view, rooms_url.rstrip("/"), clock)
    answers = {200: None, 404: None, 503: None}
    return [
        Endpoint(
            "GET",
            ROOM,
            room.show,
            "The waiting room, for people",
            TAG,
            open_query=True,
            answers=answers,
            media_type="text/html",
            description="`service` and `path` say where an admitted visitor goes, `lang` is `ar` or `en`.",
        ),
        Endpoint(
            "POST",
            ROOM,
            room.act,
            "What a button of the waiting room does",
            TAG,
            open_query=True,
            raw_body=True,
            body_bytes_max=FORM_BYTES_MAX,
            answers={**answers, 303: None, 403: None, 422: None},
            media_type="text/html",
            description="A form of the page itself; one that another site sends is refused.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, read."""

    request: web.Request
    scene: Scene
    visit: Visit
    form: Form

    def by(self, ticket: str) -> "_Asked":
        return replace(self, visit=_with_ticket(self.visit, ticket))


@dataclass(frozen=True, slots=True)
class _Room:
    pages: RoomPage
    visits: Visits
    view: View
    base: str
    clock: Callable[[], float]

    async def show(self, call: Call) -> web.StreamResponse:
        asked = self._asked(call, Form())
        if asked is None:
            return unknown(self.pages, call.request)
        refused = call.request.query.get("pass")  # the gate says why it sent the visitor here
        fault: Fault | None = "invalid" if refused == "invalid" else "spent" if refused == "spent" else None
        return await self._page(asked, fault=fault)

    async def act(self, call: Call) -> web.StreamResponse:
        asked = self._asked(call, form_of(call.request, call.body))
        if asked is None:
            return unknown(self.pages, call.request)
        if not is_ours(call.request):
            return await self._page(asked, fault="foreign", status=403)
        try:
            standing = await self._done(asked)
        except Problem as problem:
            return await self._refused(asked, problem)
        return await self._after(asked, standing)

    async def _done(self, asked: _Asked) -> Standing | None:
        """Do the word of the button. Problem: it cannot be done. None: there is no place to show."""
        visits, visit = self.visits, asked.visit
        match asked.form.word:
            case "join":
                return await visits.join(visit)
            case "claim":
                return await visits.claim(visit)
            case "extend":
                return await visits.extend(visit)
            case "leave":
                return await visits.leave(visit)
            case "resume":
                return await visits.resume(visit.room, asked.form.fields.get("code", ""))
        return await visits.standing(visit) if visit.ticket else None

    async def _after(self, asked: _Asked, standing: Standing | None) -> web.StreamResponse:
        """To the service with a pass; else to the page, by GET where the browser keeps the place itself."""
        scene, word = asked.scene, asked.form.word
        if standing is None:
            return await self._page(asked)
        cookie = ticket_cookie(
            scene.spec.id, standing, shown=asked.request.cookies.get(TICKET_COOKIE, ""), path=scene.path
        )
        onward = scene.target(standing) if word in ("join", "claim") else None
        if onward is not None:
            return moved(onward, cookie)
        full = word == "claim" and standing.state == "called"
        if scene.cookies and not full and word != "leave":
            return moved(scene.address, cookie)
        fault: Fault | None = "full" if full else None
        return await self._page(asked.by(standing.ticket), standing, fault=fault, cookie=cookie)

    async def _refused(self, asked: _Asked, problem: Problem) -> web.StreamResponse:
        """The page with what was wrong; whoever is asked for work gets it to do."""
        early = "challenge" not in problem.extra
        if problem.status == 503 or problem.slug == "room-closed":
            return await self._page(asked, status=problem.status)
        if problem.slug == "work-required":
            return await self._page(asked, work=_work(asked, problem), fault="early" if early else None)
        if problem.slug not in FAULTS:
            raise problem
        fault, status = FAULTS[problem.slug]
        typed = asked.form.fields.get("code", "")[:40]
        retry = problem.headers.get(hdrs.RETRY_AFTER)
        lost = asked.by("") if fault == "place" else asked
        return await self._page(lost, fault=fault, status=status, typed=typed, retry=retry)

    async def _page(
        self,
        asked: _Asked,
        standing: Standing | None = None,
        *,
        fault: Fault | None = None,
        status: int = 200,
        typed: str = "",
        work: Work | None = None,
        cookie: str = "",
        retry: str | None = None,
    ) -> web.StreamResponse:
        """The page as things stand now."""
        scene, visit = asked.scene, asked.visit
        code = self._code(visit)
        try:
            board = await self.visits.status(scene.spec)
            if standing is None and visit.ticket:
                standing, fault = await self._stood(visit, fault)
        except StoreUnavailable:
            view, status, retry = away(scene, visit.ticket, code), 503, "15"
        else:
            view = shown(
                scene,
                board,
                standing,
                code=code,
                fault=fault,
                typed=typed,
                work=work,
                prospect=None if standing is None else self.visits.prospect(visit.room, standing),
            )
        rendered = self.pages.render(view, scene.spec.template, targets=origins(scene.catalogue, scene.spec))
        return page(asked.request, view, rendered, status=status, cookie=cookie, retry=retry)

    async def _stood(self, visit: Visit, fault: Fault | None) -> tuple[Standing | None, Fault | None]:
        """Where the ticket stands; one that is none is told, and costs nobody the page."""
        try:
            return await self.visits.standing(visit), fault
        except Problem as problem:
            if problem.status == 503:
                raise StoreUnavailable("the room did not answer") from None
            return None, fault or "place"

    def _code(self, visit: Visit) -> str | None:
        with suppress(Problem):
            return self.visits.resume_code(visit) if visit.ticket else None
        return None

    def _asked(self, call: Call, form: Form) -> _Asked | None:
        """None: there is no such room."""
        request = call.request
        room = request.match_info["room"]
        try:
            spec = self.visits.spec(room)
        except Problem:
            return None
        scene = self._scene(request, spec)
        cookies = request.cookies
        session = session_cookie(request.headers.get(hdrs.COOKIE))
        visit = Visit(
            room,
            cookies.get(TICKET_COOKIE) or form.ticket,
            headers_with(request, form.fields.get("work", "")),
            request.remote or "",
            session=session,
            once="" if scene.cookies else form.once,
        )
        return _Asked(request, scene, visit, form)

    def _scene(self, request: web.Request, spec: RoomSpec) -> Scene:
        query = request.query
        scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
        return Scene(
            spec=spec,
            catalogue=self.view.current,
            look=look_of(query, request.headers.get(hdrs.ACCEPT_LANGUAGE, "")),
            kept=kept(query, spec),
            base=self.base or f"{'https' if scheme == 'https' else 'http'}://{request.host}",
            zone=ZoneInfo(spec.time_zone),
            now_ms=int(self.clock() * 1000),
            # A first GET cannot know: then links and forms are those of a browser that does.
            cookies=request.method == hdrs.METH_GET or bool({MARKER, TICKET_COOKIE} & set(request.cookies)),
            once=secrets.token_urlsafe(16),
        )


def _work(asked: _Asked, problem: Problem) -> Work:
    """What is to be met. Who came too early in the plain way has his challenge still, and a time to wait."""
    word: Literal["join", "claim"] = "claim" if asked.form.word == "claim" else "join"
    challenge = problem.extra.get("challenge")
    if challenge is None:
        text = asked.form.fields.get("work", "").partition(".")[0]
        return Work(text, 0, 0, int(problem.extra.get("retry_after_ms", 0)), word)
    return Work(challenge.text, challenge.bits, challenge.parts, challenge.plain_after_ms, word)


def _with_ticket(visit: Visit, ticket: str) -> Visit:
    return Visit(
        visit.room, ticket, visit.headers, visit.remote, visit.caller, visit.body, visit.session, visit.once
    )
