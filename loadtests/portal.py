"""A ministry's own front that uses Sadd: what to call, and when. It is also the documentation of that.

    visitor ──> announcement ──────────── the same for all: from Sadd's cache
            ──> sign-in, without a pass ─ a place in the room (202), until called
            ──> sign-in, with a pass ──── limit, ask the service, make a session
            ──> result, signed in ─────── limit, session, Sadd's cache; a miss asks the service, once

A pass is verified here with the published key: nobody is asked. What must reach the ministry's service
goes through one narrow door: so many at once, so many a second, whatever stands outside.

    python -m loadtests.portal --port 8102 --origin http://127.0.0.1:8101 --sadd http://127.0.0.1:8080 \\
        --key-file portal.key --service moehe-secondary-results
"""

import argparse
import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from loadtests.door import Door
from loadtests.pages import refusal_page, waiting_page
from loadtests.sadd_api import Page, SaddApi, SaddAway

log = logging.getLogger("loadtests.portal")

ANNOUNCEMENT_SECONDS = 30
RESULT_SECONDS = 300
DOOR_SHARE = 0.9
"""Of the origin's stated rate: the rest is for its clerks, and for the jitter between two clocks."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Counts:
    """What the portal did, for ``/stats``."""

    sent_to_room: int = 0
    refused: int = 0
    cache_hits: int = 0
    cache_misses: int = 0
    asked_origin: int = 0
    sadd_away: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """How somebody came to the door: ``visitor`` is who came in; None waits, at ``place``."""

    visitor: str | None
    place: Mapping[str, Any] = field(default_factory=dict)

    def keep(self, answer: web.Response) -> web.Response:
        """The answer, with the ticket and the pass in the visitor's cookies."""
        for name, cookie in (("ticket", "sadd_ticket"), ("pass", "sadd_pass")):
            if name in self.place:
                answer.set_cookie(cookie, self.place[name], httponly=True, samesite="Lax")
        return answer


class Portal:
    """The ministry's pages, in front of ``door``, with ``sadd``."""

    def __init__(self, sadd: SaddApi, door: Door) -> None:
        self.sadd = sadd
        self.door = door
        self.counts = Counts()
        self._loading: dict[str, asyncio.Lock] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.home),
            web.get("/announcement", self.announcement),
            web.get("/sign-in", self.sign_in_form),
            web.post("/sign-in", self.sign_in),
            web.get("/results/{candidate}", self.result),
            web.get("/stats", self.stats),
        ]

    async def home(self, _request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/announcement")

    async def announcement(self, _request: web.Request) -> web.StreamResponse:
        """Needs no place: it costs the service nothing."""
        return _html(await self._page("announcement", ANNOUNCEMENT_SECONDS, "/announcement"))

    async def sign_in_form(self, request: web.Request) -> web.StreamResponse:
        """Where the waiting page leads, when the visitor is called."""
        entry = await self._enter(request)
        if entry.visitor is None:
            return self._waiting(request, entry)
        return entry.keep(_html(await self._page("announcement", ANNOUNCEMENT_SECONDS, "/announcement")))

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        entry = await self._enter(request)
        if entry.visitor is None:
            return self._waiting(request, entry)
        decision = await self.sadd.check(entry.visitor)
        if not decision["allowed"]:
            return entry.keep(self._refused(decision))
        candidate = str((await request.post()).get("candidate", ""))
        self.counts.asked_origin += 1
        async with self.door.through("POST", "/sign-in", data={"candidate": candidate}) as answer:
            if answer.status != 200:
                return entry.keep(web.Response(status=answer.status, body=await answer.read()))
            token = (await answer.json())["token"]
        session = await self.sadd.create_session(candidate, {"visitor": entry.visitor, "token": token})
        return entry.keep(_signed_in(request, candidate, session))

    async def result(self, request: web.Request) -> web.StreamResponse:
        candidate = request.match_info["candidate"]
        session = await self.sadd.session(request.cookies.get("session", ""))
        if session is None or session["subject"] != candidate:
            return web.json_response({"error": "sign in first"}, status=401)
        decision = await self.sadd.check(session["data"]["visitor"])
        if not decision["allowed"]:
            return self._refused(decision)
        page = await self._page(
            f"result-{candidate}",
            RESULT_SECONDS,
            f"/results/{candidate}",
            cookies={"signed_in": session["data"]["token"]},
        )
        return await self._give_place_back(request, _html(page))

    async def stats(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(asdict(self.counts))

    async def _enter(self, request: web.Request) -> Entry:
        """Who has a pass is in. Everybody else gets a place, and who is called the pass for it."""
        shown = request.cookies.get("sadd_pass", "")
        visitor = await self.sadd.visitor(shown) if shown else None
        if visitor is not None:
            return Entry(visitor)
        place = await self.sadd.join(request.cookies.get("sadd_ticket", ""))
        if place.get("state") == "called":
            place = {**place, **await self.sadd.claim(place["ticket"])}
        if "pass" in place:
            visitor = await self.sadd.visitor(place["pass"])
        return Entry(visitor, place)

    def _waiting(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        """Apps poll the room themselves; the page asks us again by itself."""
        self.counts.sent_to_room += 1
        place = entry.place
        if _wants_json(request):
            return entry.keep(web.json_response({**place, "room": self.sadd.room_url}, status=202))
        seconds = math.ceil(place["poll_after_ms"] / 1000)
        text = waiting_page(place["position"], place["estimate_ms"]["low"], place["estimate_ms"]["high"])
        answer = web.Response(status=202, text=text, content_type="text/html")
        # To the form, not to this address: a form that was sent is not sent again by a refresh.
        answer.headers["Refresh"] = f"{seconds}; url=/sign-in"
        return entry.keep(answer)

    async def _give_place_back(self, request: web.Request, answer: web.Response) -> web.Response:
        """The visitor has seen the result: the next may come in. Reloads come from the cache."""
        ticket = request.cookies.get("sadd_ticket", "")
        if ticket:
            try:
                await self.sadd.leave(ticket)
            except SaddAway as away:
                log.warning("a place was not given back, it ends by itself: %s", away)
            answer.del_cookie("sadd_ticket")
        return answer

    async def _page(self, key: str, seconds: int, path: str, cookies: dict[str, str] | None = None) -> Page:
        """From Sadd's cache; a miss asks the origin, one asker a page, and keeps what it said."""
        page = await self.sadd.cached(key)
        if page is None:
            async with self._loading.setdefault(key, asyncio.Lock()):
                page = await self.sadd.cached(key) or await self._load(key, seconds, path, cookies)
            self._loading.pop(key, None)
        else:
            self.counts.cache_hits += 1
        return page

    async def _load(self, key: str, seconds: int, path: str, cookies: dict[str, str] | None) -> Page:
        self.counts.cache_misses += 1
        self.counts.asked_origin += 1
        async with self.door.through("GET", path, cookies=cookies) as answer:
            if answer.status != 200:
                raise web.HTTPBadGateway(text=f"the service answered {answer.status}")
            page = Page(await answer.read(), answer.content_type)
        await self.sadd.cache(key, page, seconds)
        return page

    def _refused(self, decision: dict[str, Any]) -> web.Response:
        self.counts.refused += 1
        seconds = math.ceil(decision.get("retry_after_ms", 1000) / 1000)
        return web.Response(
            status=429,
            text=refusal_page(seconds),
            content_type="text/html",
            headers={"Retry-After": str(seconds)},
        )


def _html(page: Page) -> web.Response:
    return web.Response(body=page.body, content_type=page.content_type, charset="utf-8")


def _wants_json(request: web.Request) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def _signed_in(request: web.Request, candidate: str, session: str) -> web.Response:
    if _wants_json(request):
        answer = web.json_response({"candidate": candidate})
    else:
        answer = web.Response(status=303, headers={"Location": f"/results/{candidate}"})
    answer.set_cookie("session", session, httponly=True, samesite="Lax")
    return answer


@web.middleware
async def sadd_away(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Without Sadd nobody new comes in: better a shut door than a drowned service."""
    try:
        return await handler(request)
    except (SaddAway, aiohttp.ClientError, TimeoutError) as away:
        log.warning("%s %s: %s", request.method, request.path, away)
        request.app[PORTAL].counts.sadd_away += 1
        return web.Response(status=503, headers={"Retry-After": "5"})


PORTAL: web.AppKey["Portal"] = web.AppKey("portal")


async def application(args: argparse.Namespace) -> web.Application:
    """The portal as a server; its clients live as long as it does."""
    key = Path(args.key_file).read_text(encoding="utf-8").strip()  # noqa: ASYNC240 - before anything is served
    sadd = SaddApi(args.sadd, key, args.service)
    door = Door(args.origin, args.workers, args.pages_per_second * DOOR_SHARE)
    portal = Portal(sadd, door)
    app = web.Application(middlewares=[sadd_away])
    app[PORTAL] = portal
    app.add_routes(portal.routes())

    async def lifetime(_app: web.Application) -> AsyncIterator[None]:
        await sadd.fetch_keys()
        yield
        await sadd.aclose()
        await door.aclose()

    app.cleanup_ctx.append(lifetime)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtests.portal", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8102)
    parser.add_argument("--origin", required=True, help="URL of the ministry's service")
    parser.add_argument("--sadd", required=True, help="URL of the platform")
    parser.add_argument("--key-file", required=True, help="file that holds the ministry's API key")
    parser.add_argument("--service", default="moehe-secondary-results", help="its entry in the catalogue")
    parser.add_argument("--workers", type=int, default=20, help="requests at once that the service bears")
    parser.add_argument("--pages-per-second", type=float, default=40.0, help="pages a second that it bears")
    args = parser.parse_args(arguments)
    web.run_app(
        application(args),
        host=args.host,
        port=args.port,
        access_log=None,
        print=None,
        backlog=4096,
        shutdown_timeout=2.0,
    )


if __name__ == "__main__":
    main()
