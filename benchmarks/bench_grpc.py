"""What a gRPC call costs: ``sadd bench grpc [--json] [--rounds N] [--seconds S]``.

Our server and gRPC's own (grpc.aio on uvloop, if it is installed) in a process each, with the same method:
read a RateLimitRequest, answer one status, ask no store. h2load calls them, 8 connections with 32 calls each
at a time, everything on this machine's cores.
"""

import argparse
import asyncio
import random
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.drivers import h2load
from benchmarks.drivers.asked import Grpc
from benchmarks.drivers.turn import Reading, read
from benchmarks.harness import Report, Subject, at_least, quiet_rounds, ratio
from benchmarks.peers.process import Running
from benchmarks.servers import free_ports
from benchmarks.words import Words
from sadd.grpc.messages import RateLimitRequest, RateLimitResponse
from sadd.grpc.rls import SHOULD_RATE_LIMIT
from sadd.grpc.serving import serve_grpc
from sadd.grpc.status import Done
from sadd.grpc.switchboard import Limits, Switchboard

OURS, THEIRS = "own frames", "grpc.aio on uvloop"
LINES, STREAMS = 8, 32
GOAL = 8.0
"""Field notes: 174,000 calls a second against 9,460 on an idle machine; half of that is the least we take."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = Words(prog="sadd bench grpc", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--serve", choices=(OURS, THEIRS), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.serve:
        uvloop.run(_ours(args.port) if args.serve == OURS else _theirs(args.port))
        return 0
    report = _measure(args.rounds, args.seconds)
    print(report.as_json()) if args.json else report.print()
    return report.exit_code()


def _measure(rounds: int, seconds: int) -> Report:
    chance = random.Random(1)
    notes = [] if h2load.present() else [h2load.ABSENT]
    names = [OURS] if h2load.present() else []
    if names and find_spec("grpc"):
        names.append(THEIRS)
    with ExitStack() as running, tempfile.TemporaryDirectory() as folder:
        subjects = []
        for name, port in zip(names, free_ports(len(names)), strict=True):
            words = (sys.executable, "-m", "benchmarks.bench_grpc", "--serve", name, "--port", str(port))
            server = running.enter_context(Running(words, port, Path(folder) / f"{port}.log"))
            subjects.append(Subject(name, partial(_turn, port, server.pid, seconds)))
        run = asyncio.run(quiet_rounds(subjects, rounds, chance))
    samples = run.samples
    found = ratio(samples[OURS], samples[THEIRS], chance) if len(names) == 2 else None
    return Report(
        f"sadd bench grpc --rounds {rounds} --seconds {seconds}",
        samples,
        {f"{OURS} / {THEIRS}": found} if found else {},
        [at_least(f"{OURS} against {THEIRS}", GOAL, found.median if found else None, "x")],
        {},
        [*notes, *run.notes()],
    )


async def _turn(port: int, pid: int, seconds: int) -> Reading:
    asked = Grpc(SHOULD_RATE_LIMIT, _request())
    return read(partial(h2load.run, asked, port, seconds, LINES, STREAMS), {"server": (pid,)}, 1)


def _request() -> bytes:
    request = RateLimitRequest(domain="gov")
    request.descriptors.add().entries.add(key="citizen", value="28012345678")
    return cast("bytes", request.SerializeToString())


def _answer(message: bytes) -> bytes:
    """What both servers do for a call."""
    request = RateLimitRequest.FromString(message)
    response = RateLimitResponse(overall_code=RateLimitResponse.OK)
    for descriptor in request.descriptors:
        key = "_".join([f"{entry.key}={entry.value}" for entry in descriptor.entries])
        status = response.statuses.add(code=RateLimitResponse.OK, limit_remaining=len(key))
        status.current_limit.requests_per_unit = 100
        status.current_limit.unit = RateLimitResponse.RateLimit.SECOND
    return cast("bytes", response.SerializeToString())


async def _stopped() -> asyncio.Event:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop


async def _ours(port: int) -> None:
    def answer(message: bytes, _peer: str, done: Done) -> None:
        done(_answer(message))

    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.setblocking(False)
        board = Switchboard({SHOULD_RATE_LIMIT: answer}, Limits())
        await serve_grpc(board, listener, await _stopped(), settle_seconds=0.0)


async def _theirs(port: int) -> None:
    import grpc  # late: only this server needs it

    async def answer(message: bytes, _: object) -> bytes:
        return _answer(message)

    server = grpc.aio.server()
    service, method = SHOULD_RATE_LIMIT.strip("/").split("/")
    methods = {method: grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    stop = await _stopped()
    await server.start()
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    sys.exit(main())
