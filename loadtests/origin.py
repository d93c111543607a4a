"""A small ministry service of stated capacity that behaves under load as real ones do.

``workers`` requests are worked on at once, the rest wait in the order of their arrival, without a
bound worth the name. Nobody tells the service that a client has gone: its request is still worked
on, and the page is thrown away (``abandoned``). Capacity is workers / service time and does not grow
with the crowd; a long queue makes each page a little slower.

    python -m loadtests.origin --port 8101 --workers 20 --service-ms 500

Pages: ``GET /announcement``, ``POST /sign-in``, ``GET /results/{candidate}``; ``GET /stats`` says what
it saw and costs it nothing.
"""

import argparse
import asyncio
import hashlib
import hmac
import math
import random
import resource
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from aiohttp import web

from loadtests.pages import announcement_page, result_page
from loadtests.scenario import OriginFigures

WINDOW_SECONDS = 1.0


@dataclass(slots=True)
class Second:
    """What happened in one second of wall clock."""

    arrived: int = 0
    completed: int = 0
    abandoned: int = 0
    queue: int = 0
    """The longest queue of that second."""


@dataclass(slots=True)
class Ledger:
    """What the origin saw, by second, and the busiest sliding second."""

    capacity: float
    seconds: dict[int, Second] = field(default_factory=dict)
    recent: deque[float] = field(default_factory=deque)
    highest: int = 0
    over_capacity: int = 0
    """Arrivals that made the last second hold more than the capacity."""

    def at(self, now: float) -> Second:
        return self.seconds.setdefault(int(now), Second())

    def arrive(self, now: float, queue: int) -> None:
        second = self.at(now)
        second.arrived += 1
        second.queue = max(second.queue, queue)
        self.recent.append(now)
        while self.recent[0] <= now - WINDOW_SECONDS:
            self.recent.popleft()
        self.highest = max(self.highest, len(self.recent))
        self.over_capacity += len(self.recent) > self.capacity

    def finish(self, now: float, *, abandoned: bool) -> None:
        second = self.at(now)
        second.completed += not abandoned
        second.abandoned += abandoned


class Workers:
    """A pool that works on so many requests at once and keeps the rest in order."""

    def __init__(self, figures: OriginFigures, seed: int) -> None:
        self.figures = figures
        self.queued = 0
        self.in_service = 0
        self._slots = asyncio.Semaphore(figures.workers)
        self._draw = random.Random(f"{seed}:service")
        mean, sigma = figures.service_ms / 1000, figures.spread
        self._mu = math.log(mean) - sigma * sigma / 2  # so that the mean is service_ms, not the median

    async def work(self, share: float) -> None:
        """Waits for a worker, then occupies it for a drawn service time times ``share``."""
        seconds = self._draw.lognormvariate(self._mu, self.figures.spread) * share
        self.queued += 1
        try:
            await self._slots.acquire()
        finally:
            self.queued -= 1
        self.in_service += 1
        try:
            await asyncio.sleep(seconds * self._slowness())
        finally:
            self.in_service -= 1
            self._slots.release()

    def _slowness(self) -> float:
        fill = min(1.0, self.queued / (10 * self.figures.workers))
        return 1 + self.figures.overload_loss * fill


class Origin:
    """The service's pages over one pool."""

    def __init__(self, figures: OriginFigures, seed: int) -> None:
        self.figures = figures
        self.workers = Workers(figures, seed)
        self.ledger = Ledger(figures.capacity)
        self._secret = f"origin:{seed}".encode()

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/announcement", self.announcement),
                web.post("/sign-in", self.sign_in),
                web.get("/results/{candidate}", self.result),
                web.get("/stats", self.stats),
            ]
        )
        return app

    async def announcement(self, request: web.Request) -> web.Response:
        await self._work(request, self.figures.static_share)
        return web.Response(
            text=announcement_page(),
            content_type="text/html",
            headers={"Cache-Control": "public, max-age=60"},
        )

    async def sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        candidate = str(form.get("candidate", ""))
        await self._work(request, 1.0)
        if not candidate.isdigit():
            return web.json_response({"error": "unknown candidate"}, status=401)
        token = self._token(candidate)
        answer = web.json_response({"candidate": candidate, "token": token})
        answer.set_cookie("signed_in", token, httponly=True, samesite="Lax")
        return answer

    async def result(self, request: web.Request) -> web.Response:
        candidate = request.match_info["candidate"]
        await self._work(request, 1.0)
        if not hmac.compare_digest(request.cookies.get("signed_in", ""), self._token(candidate)):
            return web.json_response({"error": "sign in first"}, status=401)
        return web.Response(
            text=result_page(candidate),
            content_type="text/html",
            headers={"Cache-Control": "private, max-age=60"},
        )

    async def stats(self, _request: web.Request) -> web.Response:
        ledger = self.ledger
        return web.json_response(
            {
                "capacity": ledger.capacity,
                "highest_per_second": ledger.highest,
                "over_capacity": ledger.over_capacity,
                "in_service": self.workers.in_service,
                "queue": self.workers.queued,
                "cpu_seconds": _cpu_seconds(),
                "seconds": {str(at): asdict(second) for at, second in sorted(ledger.seconds.items())},
            }
        )

    async def _work(self, request: web.Request, share: float) -> None:
        self.ledger.arrive(time.time(), self.workers.queued)
        await self.workers.work(share)
        gone = request.transport is None or request.transport.is_closing()
        self.ledger.finish(time.time(), abandoned=gone)

    def _token(self, candidate: str) -> str:
        return hmac.new(self._secret, candidate.encode(), hashlib.sha256).hexdigest()[:32]


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtests.origin", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8101)
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--service-ms", type=float, default=500)
    parser.add_argument("--spread", type=float, default=0.35)
    parser.add_argument("--static-share", type=float, default=0.1)
    parser.add_argument("--overload-loss", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=2018)
    args = parser.parse_args(arguments)
    figures = OriginFigures(args.workers, args.service_ms, args.spread, args.static_share, args.overload_loss)
    # A real service finishes what it has begun although the client left: aiohttp's default, said aloud.
    web.run_app(
        Origin(figures, args.seed).application(),
        host=args.host,
        port=args.port,
        access_log=None,
        print=None,
        backlog=4096,
        handler_cancellation=False,
        shutdown_timeout=0.5,  # what is still queued has no reader any more
    )


if __name__ == "__main__":
    main()
