"""The cache's wire on a plain model: a platform that can be frozen, cut off and moved in time.

It says what docs/cache.md says, from dictionaries. What the client does with the real platform is in
test_platform.
"""

import asyncio
import base64
import contextlib
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import web

from tests.waiting import eventually_sync

ROOT = "/v1/cache/pages"
BEAT_SECONDS = 0.02
LEASE_SECONDS = 30.0


@dataclass(slots=True)
class Kept:
    body: bytes
    content_type: str
    tags: list[str]
    born: float
    soft: float
    hard: float
    on_error: float


@dataclass(slots=True)
class Model:
    """``calls`` counts by method and the last word of the path."""

    calls: Counter[str] = field(default_factory=Counter)
    beats: bool = True
    """Whether the feed is proven."""
    skipped: float = 0.0
    lease_seconds: float = 30.0
    """What a lease is told to last; it lasts 30 seconds, so that a busy machine loses none."""
    url: str = ""
    _kept: dict[str, Kept] = field(default_factory=dict)
    _leases: dict[str, tuple[str, float]] = field(default_factory=dict)
    _alone: dict[str, float] = field(default_factory=dict)
    _streams: list[asyncio.Queue[tuple[str, dict[str, Any]] | None]] = field(default_factory=list)
    _tokens: Iterator[int] = field(default_factory=count)
    _loop: asyncio.AbstractEventLoop | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        return time.monotonic() + self.skipped

    def skip(self, seconds: float) -> None:
        """Move this platform's time on."""
        self.skipped += seconds

    def cut(self) -> None:
        """End all streams."""
        self._soon(self._end_streams)

    def change(self, key: str, body: bytes) -> None:
        """Somebody else puts it, and it is known to all who listen."""
        self._soon(lambda: self._put(key, Kept(body, "t", [], *self._times("max-age=60"))))

    def bump(self, kind: str, name: str = "") -> None:
        self._soon(lambda: self._bump(kind, name))

    def listeners(self) -> int:
        return len(self._streams)

    def _soon(self, work: Any) -> None:
        assert self._loop is not None
        done = threading.Event()

        def do() -> None:
            work()
            done.set()

        self._loop.call_soon_threadsafe(do)
        assert done.wait(10)

    def _end_streams(self) -> None:
        for stream in self._streams:
            stream.put_nowait(None)

    def _times(self, field: str) -> tuple[float, float, float, float]:
        said = dict(one.strip().split("=") for one in field.split(","))
        born = self.now()
        soft = born + int(said["max-age"])
        hard = soft + int(said.get("stale-while-revalidate", 0))
        return born, soft, hard, max(hard, soft + int(said.get("stale-if-error", 0)))

    def _put(self, key: str, kept: Kept) -> None:
        self._kept[key] = kept
        self._bump("key", key, kept=True)

    def _bump(self, kind: str, name: str, *, kept: bool = False) -> None:
        if not kept:
            for key in [key for key, one in self._kept.items() if _means(kind, name, key, one)]:
                del self._kept[key]
        for key in [key for key in self._leases if kind != "key" or key == name]:
            del self._leases[key]  # loads under way are not stored
        for stream in self._streams:
            stream.put_nowait(("bump", {"kind": kind, "name": name, "soft": False}))
        self._changed.set()
        self._changed = asyncio.Event()

    async def get(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        self.calls["get"] += 1
        kept = self._kept.get(key)
        if kept is None or self.now() >= kept.hard:
            return _problem(404, "cache-miss")
        return self._answer(kept)

    async def put(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        self.calls["put"] += 1
        token = request.headers.get("Sadd-Lease")
        if token is not None and self._leases.get(key, ("", 0))[0] != token:
            return _problem(409, "lease-lost")
        times = self._times(request.headers.get("Cache-Control", "max-age=60"))
        tags = request.headers.get("Surrogate-Key", "").split()
        kind = request.headers.get("Content-Type", "")
        self._put(key, Kept(await request.read(), kind, tags, *times))
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        self._bump("key", request.match_info["key"])
        return web.Response(status=204)

    async def lease(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        if (held := request.headers.get("Sadd-Lease")) is not None:
            return self._renewed(key, held)
        self.calls["lease"] += 1
        asked = await request.json()
        until = time.monotonic() + asked["wait_ms"] / 1000
        while True:
            answer = self._leased(key)
            if answer is not None:
                return answer
            if time.monotonic() >= until:
                return _problem(503, "being-loaded", retry_after_ms=1_000)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(until - time.monotonic()):
                    await self._changed.wait()

    def _leased(self, key: str) -> web.Response | None:
        kept, now = self._kept.get(key), self.now()
        if kept is not None and now < kept.soft:
            return self._answer(kept)
        if self._alone.get(key, 0) > now:
            return web.json_response({"token": "none", "ends_in_ms": 1000, "shared": False}, status=201)
        stale = kept if kept is not None and now < kept.hard else None
        if key in self._leases and self._leases[key][1] > now:
            return self._answer(stale) if stale else None
        token = f"token-{next(self._tokens)}"
        self._leases[key] = (token, now + LEASE_SECONDS)
        ends_in_ms = round(self.lease_seconds * 1000)
        if stale:
            return self._answer(stale, f"{token}; ends-in-ms={ends_in_ms}")
        answer: dict[str, Any] = {"token": token, "ends_in_ms": ends_in_ms}
        if kept is not None and now < kept.on_error:
            body = base64.b64encode(kept.body).decode()
            answer["spare"] = {"body": body, "content_type": "t", "etag": "", "for_ms": 1}
        return web.json_response(answer, status=201)

    def _renewed(self, key: str, token: str) -> web.Response:
        self.calls["renew"] += 1
        if self._leases.get(key, ("", 0))[0] != token:
            return _problem(409, "lease-lost")
        self._leases[key] = (token, self.now() + LEASE_SECONDS)
        return web.json_response({"token": token, "ends_in_ms": round(self.lease_seconds * 1000)})

    async def release(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        self.calls["release"] += 1
        alone = int(request.query.get("uncacheable_for_ms", 0)) / 1000
        if alone:
            self._alone[key] = self.now() + alone
        self._leases.pop(key, None)
        self._changed.set()
        self._changed = asyncio.Event()
        return web.Response(status=204)

    async def purge(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        for kind, name in [("key", key) for key in asked["keys"]] + [("tag", tag) for tag in asked["tags"]]:
            self._bump(kind, name)
        if asked["everything"]:
            self._bump("namespace", "")
        return web.json_response({"purged": 1})

    async def events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        stream: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue()
        self._streams.append(stream)
        stream.put_nowait(("hello", {"now_ms": _ms()}))
        beating = asyncio.create_task(self._beat(stream))
        try:
            while (event := await stream.get()) is not None:
                await response.write(f"event: {event[0]}\ndata: {json.dumps(event[1])}\n\n".encode())
        except ConnectionError:
            pass
        finally:
            beating.cancel()
            self._streams.remove(stream)
        return response

    async def _beat(self, stream: "asyncio.Queue[tuple[str, dict[str, Any]] | None]") -> None:
        while True:
            if self.beats:
                stream.put_nowait(("alive", {"proven_ms": _ms()}))
            await self._pause()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEAT_SECONDS):
                await asyncio.Event().wait()

    def _answer(self, kept: Kept, lease: str = "") -> web.Response:
        ttl, age = math.floor(kept.soft - self.now()), int(self.now() - kept.born)
        headers = {
            "ETag": '"e"',
            "Age": str(age),
            "Content-Type": kept.content_type,
            "Cache-Status": f"sadd; hit; ttl={ttl}",
        }
        if kept.tags:
            headers["Surrogate-Key"] = " ".join(kept.tags)
        if lease:
            headers["Sadd-Lease"] = lease
        return web.Response(body=kept.body, headers=headers)

    def run(self, stop: threading.Event) -> None:
        asyncio.run(self._serve(stop))

    async def _serve(self, stop: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        application = web.Application()
        application.router.add_get(f"{ROOT}/events", self.events)
        application.router.add_post(f"{ROOT}/purge", self.purge)
        application.router.add_post(f"{ROOT}/{{key:.+}}/lease", self.lease)
        application.router.add_delete(f"{ROOT}/{{key:.+}}/lease", self.release)
        for method, handler in (("GET", self.get), ("PUT", self.put), ("DELETE", self.delete)):
            application.router.add_route(method, f"{ROOT}/{{key:.+}}", handler)
        runner = web.AppRunner(application, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        await asyncio.to_thread(stop.wait)
        self._end_streams()
        await runner.cleanup()


def _means(kind: str, name: str, key: str, kept: Kept) -> bool:
    return kind == "namespace" or (key == name if kind == "key" else name in kept.tags)


def _ms() -> int:
    return int(time.monotonic() * 1000)


def _problem(status: int, slug: str, **members: object) -> web.Response:
    body = {"type": f"https://sadd.example/problems/{slug}", "title": "T", "status": status, **members}
    headers = {"Content-Type": "application/problem+json"}
    if status == 503:
        headers["Retry-After"] = "1"
    return web.Response(status=status, body=json.dumps(body).encode(), headers=headers)


@contextmanager
def model() -> Iterator[Model]:
    """Serving, in a thread of its own."""
    made, stop = Model(), threading.Event()
    thread = threading.Thread(target=made.run, args=(stop,), daemon=True)
    thread.start()
    try:
        eventually_sync(lambda: made.url)
        yield made
    finally:
        stop.set()
        thread.join(10)
