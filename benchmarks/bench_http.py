"""What Sadd's HTTP core costs beside bare aiohttp: ``python -m benchmarks.bench_http [--json]``.

Requests go through the whole protocol, from received bytes to written bytes, over a transport that
only counts: no kernel, no generator, so that the CPU time is the server's alone. The POST is
compared with what a handler on bare aiohttp would do by hand: find the key, parse, look at a field.
The fast lane gets the POST twice: with a head that it remembers, and with a trace in each head.
With sockets, a store and others' limiters: ``sadd bench ratelimit``.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import orjson
import uvloop
from aiohttp import hdrs, web

from benchmarks.harness import Estimate, Report, Sample, Subject, at_most, estimate, interleave
from benchmarks.words import Words
from sadd.identity.caller import Caller
from sadd.settings import Server
from sadd.web.connection import Connections
from sadd.web.endpoint import Call, Endpoint
from sadd.web.lane.endpoint import LaneEndpoint
from sadd.web.lane.lane import front
from sadd.web.server import SITE, build

CONNECTIONS, REQUESTS_EACH, ROUNDS = 32, 25, 100

KEY = "Bearer sadd_bench_secret"
CALLER = Caller("bench", "moe", frozenset({"limits:check"}))
ANSWER = b'{"allowed":true}'
BODY = b'{"policy":"moe-exam-results","key":"citizen-1","cost":1}'
GET = b"GET /try HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
POST = (
    b"POST /try HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: %s\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (KEY.encode(), len(BODY), BODY)
)


TRACED = POST.replace(
    b"\r\nContent-Type", b"\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-%016d-01\r\nContent-Type"
)


class Check(msgspec.Struct, forbid_unknown_fields=True):
    policy: str
    key: str
    cost: int = 1


class OneKey:
    def authenticate(self, authorization: str | None) -> Caller | None:
        return CALLER if authorization == KEY else None

    def is_stranger(self, authorization: str) -> bool:  # noqa: ARG002
        return False

    async def look_up(self, authorization: str) -> None: ...


class Counter(asyncio.Transport):
    """A transport that counts writes and forgets them."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, data: Any) -> None:  # noqa: ARG002
        self.writes += 1

    def writelines(self, list_of_data: Any) -> None:  # noqa: ARG002
        self.writes += 1

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        return default

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


async def bare() -> web.Server:
    """aiohttp with two handlers and nothing else."""

    async def get(_: web.Request) -> web.Response:
        return web.Response(body=ANSWER, content_type="application/json")

    async def post(request: web.Request) -> web.Response:
        assert request.headers.get(hdrs.AUTHORIZATION) == KEY
        assert orjson.loads(await request.read())["cost"] == 1
        return web.Response(body=ANSWER, content_type="application/json")

    app = web.Application()
    app.router.add_get("/try", get)
    app.router.add_post("/try", post)
    return await _server(app)


async def ours() -> web.Server:
    """The same two endpoints, mounted by Sadd."""

    async def answer(_: Call) -> web.StreamResponse:
        return web.Response(body=ANSWER, content_type="application/json")

    endpoints = [
        Endpoint("GET", "/try", answer, "Try", "bench"),
        Endpoint("POST", "/try", answer, "Try", "bench", body=Check, scope="limits:check"),
    ]
    limits = Server()
    return Connections(await _server(build(endpoints, keys=OneKey(), limits=limits)), limits)


async def lane() -> web.Server:
    """The POST once more, on the fast lane."""

    async def unused(_: Call) -> web.StreamResponse:
        raise NotImplementedError

    quick = LaneEndpoint(lambda asked, done: done(asked.body.cost), lambda _: (ANSWER, ""))
    post = Endpoint("POST", "/try", unused, "Try", "bench", body=Check, scope="limits:check", lane=quick)
    limits = Server()
    app = build([post], keys=OneKey(), limits=limits)
    return Connections(await _server(app), limits, front(app[SITE], limits))


async def _server(app: web.Application) -> web.Server:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    assert runner.server is not None
    return runner.server


async def turn(server: Callable[[], asyncio.Protocol], request: bytes) -> Sample:
    """Some requests on each of several connections, one at a time on each.

    A ``%d`` in the request becomes a number that differs each time.
    """
    pairs = [(server(), Counter()) for _ in range(CONNECTIONS)]
    for protocol, transport in pairs:
        protocol.connection_made(transport)
    await asyncio.sleep(0)
    plain = b"%" not in request
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(1, REQUESTS_EACH + 1):
        for each, (protocol, _) in enumerate(pairs):
            protocol.data_received(request if plain else request % (number * CONNECTIONS + each))
        while pairs[-1][1].writes < number:  # noqa: ASYNC110  # an event would be a part of what is measured
            await asyncio.sleep(0)
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - began
    for protocol, _ in pairs:
        protocol.connection_lost(None)
    await asyncio.sleep(0)
    requests = CONNECTIONS * REQUESTS_EACH
    return Sample(requests / seconds, server_us=cpu / requests * 1e6)


async def measure(command: str) -> Report:
    chance = random.Random(1)
    servers = {"bare aiohttp": await bare(), "sadd": await ours()}
    subjects = [
        Subject(f"{name}, {kind}", lambda server=server, request=request: turn(server, request))  # type: ignore[misc]  # defaults bind the loop's values
        for name, server in servers.items()
        for kind, request in (("GET", GET), ("POST", POST))
    ]
    served = await lane()
    subjects += [
        Subject("fast lane, POST", lambda: turn(served, POST)),
        Subject("fast lane, POST with a trace", lambda: turn(served, TRACED)),
    ]
    samples = await interleave(subjects, ROUNDS, chance)
    costs = {(f"sadd, {kind}", f"bare aiohttp, {kind}"): 1.4 for kind in ("GET", "POST")} | {
        ("fast lane, POST", "bare aiohttp, POST"): 0.2,
        ("fast lane, POST with a trace", "bare aiohttp, POST"): 0.5,
    }
    found = {pair: _cost(samples[pair[0]], samples[pair[1]], chance) for pair in costs}
    return Report(
        command,
        samples,
        {f"CPU of {ours} over {theirs}": cost for (ours, theirs), cost in found.items()},
        [
            at_most(f"CPU of {ours} over {theirs}", costs[ours, theirs], cost.median, "×")
            for (ours, theirs), cost in found.items()
        ],
        {},
        ["Without the kernel's share, which is the same for both; over a socket the ratio is smaller."],
    )


def _cost(ours: Sequence[Sample], theirs: Sequence[Sample], chance: random.Random) -> Estimate:
    return estimate([a.server_us / b.server_us for a, b in zip(ours, theirs, strict=True)], chance)


def main() -> int:
    parser = Words(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    arguments = parser.parse_args()
    report = uvloop.run(measure("python -m benchmarks.bench_http"))
    if arguments.json:
        print(report.as_json())
    else:
        report.print()
    return report.exit_code()


if __name__ == "__main__":
    sys.exit(main())
