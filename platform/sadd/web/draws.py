"""Draws of scheduled events over HTTP: all of them public, but for the beacon's name and value."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Literal

from aiohttp import hdrs, web
from msgspec import Meta, Struct

from queueing.draw.beacon import SOURCE_LENGTH_MAX, TEXT_LENGTH_MAX
from queueing.draw.document import LINE_BYTES, Beacon, Draw, Proof, encode, write_lines
from queueing.draw.draws import Draws
from queueing.draw.store import Refused
from queueing.store import StoreUnavailable
from sadd.rooms.spec import RoomSpec
from sadd.web.away import store_away
from sadd.web.conditions import tag_of, tagged
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem, invalid_request
from sadd.web.room_answers import unknown_room
from sadd.web.visits import Specs

TAG = "draws"
SCOPE = "queues:admin"
DRAW = "/v1/queues/{room}/draw"
NEWS_CACHE = "public, max-age=1"
"""Of what changes: the last draw until it is drawn."""
LAST_CACHE = "public, max-age=60"
"""Of the last draw once it is drawn: it may have a successor."""
FOREVER_CACHE = "public, max-age=31536000, immutable"
"""Of a certain draw once it is drawn."""
PAGE = 8_192
"""Entries sent at once: 0.5 MB, made in 2 ms."""
PAGE_SECONDS = 20.0
"""For a page, 25 kB/s: who takes it slower is sent no more, or eight idle readers would hold all places."""
DOWNLOADS_MAX = 8
"""Lists that one worker sends at a time; a cache in front needs one."""

Serial = Annotated[int, Meta(ge=1, le=2**31 - 1, description="An earlier draw of the room than the last.")]


class DrawQuery(Struct, frozen=True):
    draw: Serial | None = None


class ProofQuery(Struct, frozen=True):
    """One of ``entry`` and ``index``."""

    entry: Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$", description="The entry, in hex.")] | None = None
    index: Annotated[int, Meta(ge=0, le=2**31 - 1, description="Or its index in the list.")] | None = None
    draw: Serial | None = None


class BeaconRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``drand`` takes the first round at that moment or later, ``statement`` needs a ``source``."""

    kind: Literal["drand", "statement"]
    at_ms: Annotated[int, Meta(ge=0, le=2**52, description="When its value is known, ms since the epoch.")]
    source: Annotated[
        str,
        Meta(max_length=SOURCE_LENGTH_MAX, description="What is published, by whom, where, in which form."),
    ] = ""


class ValueRequest(Struct, frozen=True, forbid_unknown_fields=True):
    value: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=TEXT_LENGTH_MAX,
            description="The round's signature in hex, or the statement's text as it was published.",
        ),
    ]


def endpoints(draws: Draws, specs: Specs, *, authority: str) -> list[Endpoint]:
    published = _Draws(draws, specs, authority)
    changed = {200: Draw, 404: None, 409: None, 503: None}
    return [
        Endpoint(
            "GET",
            DRAW,
            published.show,
            "The draw of a room",
            TAG,
            query=DrawQuery,
            answers={200: Draw, 304: None, 404: None, 503: None},
            description="The last one, or the one that `draw` names. Keep the document that is there after "
            "the freeze: it convicts whoever draws a second time.",
        ),
        Endpoint(
            "GET",
            f"{DRAW}/entries",
            published.entries,
            "All entries of a draw, from the freeze on",
            TAG,
            query=DrawQuery,
            answers={200: None, 304: None, 404: None, 503: None},
            media_type="text/plain",
            description="The document on the first line, then one entry a line in hex, in order: all that "
            "`sadd queue verify-draw` needs to check the whole draw.",
        ),
        Endpoint(
            "GET",
            f"{DRAW}/proof",
            published.proof,
            "The place of one entry, with the proof that it is in the list",
            TAG,
            query=ProofQuery,
            answers={200: Proof, 304: None, 404: None, 503: None},
        ),
        Endpoint(
            "PUT",
            f"{DRAW}/beacon",
            published.name,
            "Name another source of chance, before the freeze",
            TAG,
            body=BeaconRequest,
            answers=changed,
            scope=SCOPE,
        ),
        Endpoint(
            "POST",
            f"{DRAW}/beacon",
            published.give,
            "Give the beacon's value, which draws",
            TAG,
            body=ValueRequest,
            answers=changed,
            scope=SCOPE,
            description="A signature is verified; one that is not the named round's is refused. A draw is "
            "made once: the same value again changes nothing, another is refused.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Draws:
    draws: Draws
    specs: Specs
    authority: str
    downloads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DOWNLOADS_MAX))

    async def show(self, call: Call) -> web.StreamResponse:
        draw = await self._draw(call)
        return tagged(call.request, encode(draw), _cache(draw, call.query.draw))

    async def proof(self, call: Call) -> web.StreamResponse:
        query: ProofQuery = call.query
        if (query.entry is None) == (query.index is None):
            raise invalid_request(
                "Give either entry or index.", errors=[{"parameter": "entry", "detail": "one"}]
            )
        draw = await self._draw(call)
        with refusing():
            entry = await entry_asked(self.draws, draw, query.entry, query.index)
            proof = None if entry is None else await self.draws.archive.proof(draw.room, draw.draw, entry)
        if proof is None:
            raise _no_such_entry(draw)
        return tagged(call.request, encode(proof), _cache(draw, query.draw))

    async def entries(self, call: Call) -> web.StreamResponse:
        draw = await self._draw(call)
        if not draw.root:
            detail = "It is published when the event starts, before the beacon is known."
            raise Problem(404, "list-not-frozen", "The list of entries is not frozen yet.", detail)
        head = encode(draw) + b"\n"
        tag = tag_of(head)
        headers: dict[str, str] = {hdrs.ETAG: tag, hdrs.CACHE_CONTROL: _cache(draw, call.query.draw)}
        if any(f'"{known.value}"' == tag for known in call.request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        if self.downloads.locked():
            raise store_away("Too many lists are being sent just now.")
        async with self.downloads:
            return await self._sent(call.request, draw, head, headers)

    async def name(self, call: Call) -> web.StreamResponse:
        wanted: BeaconRequest = call.body
        spec = self._own(call)
        if wanted.kind == "drand":
            beacon = self.draws.round_from(wanted.at_ms)
        else:
            beacon = Beacon("statement", wanted.at_ms, source=wanted.source)
        with refusing():
            draw = await self.draws.name(spec.id, beacon, by=_actor(call))
        return tagged(call.request, encode(draw), "no-store")

    async def give(self, call: Call) -> web.StreamResponse:
        spec = self._own(call)
        with refusing():
            draw = await self.draws.draw(spec.id, call.body.value, by=_actor(call))
        return tagged(call.request, encode(draw), "no-store")

    async def _draw(self, call: Call) -> Draw:
        with refusing():
            return await draw_asked(self.draws, call.request.match_info["room"], call.query.draw)

    async def _sent(
        self, request: web.Request, draw: Draw, head: bytes, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Page by page: of a million entries never more than 8,192 are in memory."""
        response = web.StreamResponse(headers=headers)
        response.content_type = "text/plain"
        response.content_length = len(head) + draw.count * LINE_BYTES
        pages = self._pages(draw)
        with refusing():
            first = await anext(pages, b"")  # what is refused is refused before the answer begins
        await response.prepare(request)
        try:
            await _taken(response.write(head + first))
            async for page in pages:
                await _taken(response.write(page))
            await _taken(response.write_eof())
        except ConnectionError:  # the reader has gone
            pass
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _pages(self, draw: Draw) -> AsyncIterator[bytes]:
        for start in range(0, draw.count, PAGE):
            yield write_lines(await self.draws.archive.entries(draw.room, draw.draw, start, PAGE))

    def _own(self, call: Call) -> RoomSpec:
        """Problem: no room of the caller's agency."""
        room = call.request.match_info["room"]
        spec = self.specs.current.get(room)
        if spec is None or call.agency not in (spec.agency, self.authority):
            raise unknown_room()
        return spec


async def _taken(writing: Awaitable[None]) -> None:
    async with asyncio.timeout(PAGE_SECONDS):
        await writing


async def draw_asked(draws: Draws, room: str, serial: int | None) -> Draw:
    """Of a room, or of one that was. Problem: there is none."""
    draw = await draws.current(room)
    if draw is not None and serial not in (None, draw.draw):
        draw = await draws.archive.one(room, serial or 0)
    if draw is None:
        raise Problem(404, "no-draw", "There is no such draw.", "Rooms with the method lottery have draws.")
    return draw


async def entry_asked(draws: Draws, draw: Draw, entry: str | None, index: int | None) -> bytes | None:
    """By itself or by its index, of a frozen list."""
    if entry is not None:
        return bytes.fromhex(entry)
    found = await draws.archive.entries(draw.room, draw.draw, index or 0, 1)
    return found[0] if found else None


@contextmanager
def refusing() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable:
        raise store_away("What was published stays as it is. Try again.") from None
    except LookupError:
        raise Problem(404, "no-draw", "There is no such draw.") from None
    except Refused as refused:
        raise Problem(409, "draw-refused", "That would break what the draw promises.", str(refused)) from None


def _no_such_entry(draw: Draw) -> Problem:
    if draw.stage != "drawn":
        detail = "The draw is made when the named beacon is known."
        return Problem(404, "not-drawn", "Places are not drawn yet.", detail)
    return Problem(404, "no-entry", "The list has no such entry.", f"It has {draw.count:,} entries.")


def _cache(draw: Draw, serial: int | None) -> str:
    if draw.stage != "drawn":
        return NEWS_CACHE
    return LAST_CACHE if serial is None else FOREVER_CACHE


def _actor(call: Call) -> str:
    assert call.caller is not None, "the endpoint has a scope"
    return call.caller.prefix
