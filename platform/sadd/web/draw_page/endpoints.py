"""``/queue/{room}/draw``: the draw of a room for people, in Arabic and English, with JavaScript and without.

Nothing is asked of the visitor and nothing is kept: what somebody looks for stands in the page's address, and
an entry names nobody.
"""

from dataclasses import dataclass

from aiohttp import hdrs, web

from queueing.draw.beacon import QUICKNET, Chain
from queueing.draw.document import Draw, Proof
from queueing.draw.draws import Draws
from sadd.web.draw_page.page import DrawView, Fault, render
from sadd.web.draws import NEWS_CACHE, draw_asked, entry_asked, refusing
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem
from sadd.web.room_page.look import look_of
from sadd.web.room_page.reply import GUARDS
from sadd.web.visits import Specs

TAG = "pages"
ENTRY_LENGTH = 64


def endpoints(draws: Draws, specs: Specs, chain: Chain = QUICKNET) -> list[Endpoint]:
    page = _DrawPage(draws, specs, chain)
    return [
        Endpoint(
            "GET",
            "/queue/{room}/draw",
            page.show,
            "The draw of a room, for people",
            TAG,
            open_query=True,
            answers={200: None, 404: None, 503: None},
            media_type="text/html",
            description="`entry` is an entry or its index, `draw` an earlier draw, `lang` `ar` or `en`.",
        )
    ]


@dataclass(frozen=True, slots=True)
class _DrawPage:
    draws: Draws
    specs: Specs
    chain: Chain

    async def show(self, call: Call) -> web.StreamResponse:
        request = call.request
        room, query = request.match_info["room"], request.query
        lang = look_of(query, request.headers.get(hdrs.ACCEPT_LANGUAGE, "")).lang
        spec = self.specs.current.get(room)
        name = getattr(spec.name, lang) if spec is not None else room
        typed = query.get("entry", "").strip()[:ENTRY_LENGTH]
        draw = await self._draw(room, query.get("draw", ""))
        proof, fault = await self._proof(draw, typed)
        view = DrawView(lang, name, f"/v1/queues/{room}/draw", draw, proof, typed, fault)
        rendered = render(view, self.chain)
        headers = {
            **GUARDS,
            "Content-Security-Policy": rendered.policy,
            hdrs.CONTENT_LANGUAGE: lang,
            hdrs.CACHE_CONTROL: NEWS_CACHE,
            hdrs.VARY: "Accept-Language",
        }
        status = 404 if draw is None else 200
        return web.Response(text=rendered.html, status=status, content_type="text/html", headers=headers)

    async def _draw(self, room: str, serial: str) -> Draw | None:
        wanted = int(serial) if serial.isascii() and serial.isdigit() and len(serial) < 10 else None
        try:
            with refusing():
                return await draw_asked(self.draws, room, wanted)
        except Problem as problem:
            if problem.status == 404:
                return None
            raise

    async def _proof(self, draw: Draw | None, typed: str) -> tuple[Proof | None, Fault]:
        if draw is None or not typed:
            return None, ""
        if draw.stage != "drawn":
            return None, "not_drawn"
        index = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else None
        entry = _entry(typed) if index is None else None
        if index is None and entry is None:
            return None, "no_entry"
        with refusing():
            found = await entry_asked(self.draws, draw, entry, index)
            proof = None if found is None else await self.draws.archive.proof(draw.room, draw.draw, found)
        return proof, "" if proof is not None else "no_entry"


def _entry(typed: str) -> str | None:
    try:
        return typed if len(bytes.fromhex(typed)) * 2 == len(typed) == ENTRY_LENGTH else None
    except ValueError:
        return None
