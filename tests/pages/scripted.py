"""A room whose state the test says: the real page and script, with a status document that is set by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from sadd.web.room_page.look import look_of
from sadd.web.room_page.page import RoomPage
from sadd.web.room_page.reply import moved, page
from sadd.web.room_page.view import PageState, Place, RoomView, Work
from tests.sadd.web.room_page.scene import MESSAGE, ROOM, room

PAGES = RoomPage()


@dataclass
class Scripted:
    """Change ``state``, ``place`` and ``status`` while a browser looks."""

    state: PageState = "waiting"
    place: Place | None = None
    status: dict[str, Any] = field(default_factory=dict)
    polls: int = 0
    loads: int = 0
    base: str = ""
    work: Work | None = None
    forms: list[dict[str, str]] = field(default_factory=list)
    """What buttons sent."""

    @property
    def url(self) -> str:
        return f"{self.base}/queue/{ROOM}"

    def view(self, query: dict[str, str]) -> RoomView:
        view = room(self.state, look_of(query, "ar"))
        if self.work is not None and self.state == "work":
            view = replace(view, work=self.work)
        return replace(view, place=self.place) if self.place is not None else view

    async def show(self, request: web.Request) -> web.StreamResponse:
        self.loads += 1
        view = self.view(dict(request.query))
        return page(request, view, PAGES.render(view))

    async def take(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        self.forms.append({name: str(value) for name, value in form.items()})
        self.state = "waiting"
        return moved(request.path)

    async def solver(self, request: web.Request) -> web.StreamResponse:
        script = resources.files("sadd.web").joinpath("challenge_work.js").read_bytes()
        return web.Response(body=script, content_type="text/javascript")

    async def tell(self, request: web.Request) -> web.StreamResponse:
        self.polls += 1
        return web.json_response(self.status)


def status(serving: int, per_minute: float, state: str = "queueing", **more: Any) -> dict[str, Any]:
    pace = {"low_per_minute": per_minute / 1.2, "high_per_minute": per_minute * 1.2}
    told = {"room": ROOM, "state": state, "serving": serving, "issued": 20_000, "pace": pace}
    return {**told, "message": {"ar": MESSAGE.ar, "en": MESSAGE.en}, **more}


@asynccontextmanager
async def scripted(state: PageState = "waiting", **more: Any) -> AsyncIterator[Scripted]:
    scene = Scripted(state, **more)
    app = web.Application()
    app.router.add_get(f"/queue/{ROOM}", scene.show)
    app.router.add_post(f"/queue/{ROOM}", scene.take)
    app.router.add_get(f"/v1/queues/{ROOM}", scene.tell)
    app.router.add_get("/v1/challenges/work.js", scene.solver)
    async with TestServer(app) as server:
        scene.base = str(server.make_url("")).rstrip("/")
        yield scene
