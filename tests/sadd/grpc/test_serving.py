"""The end of a server: nobody's call is lost."""

import asyncio
import shutil
import subprocess

import grpc
import pytest

from sadd.grpc import frames
from sadd.grpc.health import CHECK, health
from sadd.grpc.messages import HealthCheckResponse
from sadd.grpc.serving import serve_grpc
from sadd.grpc.switchboard import Limits, Switchboard
from tests.sadd.grpc.conftest import HOLD, serving, shared
from tests.sadd.grpc.peer import ECHO, connected, greeted
from tests.waiting import eventually


async def test_a_drain_waits_for_calls() -> None:
    """Two GOAWAYs, the second names the last call that is answered; later ones belong elsewhere."""
    async with serving() as served, greeted(served.port) as peer:
        stream_id, sent = peer.request(b"held", HOLD)
        peer.write(sent)
        await eventually(lambda: served.held)
        served.stop.set()
        first = await peer.until(frames.GOAWAY)
        assert int.from_bytes(first.payload[:4], "big") == frames.STREAM_ID_MAX
        ping = await peer.until(frames.PING)
        peer.write(frames.ping(ping.payload, frames.ACK))
        second = await peer.until(frames.GOAWAY)
        assert int.from_bytes(second.payload[:4], "big") == stream_id
        late, sent = peer.request(b"late")
        peer.write(sent)
        assert (await peer.until(frames.RST_STREAM, late)).code == frames.REFUSED_STREAM
        served.held[0][1](b"at last")
        assert (await peer.answer(stream_id)).message == b"at last"
        assert await peer.ended() == b""


async def test_a_drain_ends() -> None:
    """A call that is never answered is cut off when the time for the drain is over."""
    async with serving(drain_timeout_seconds=0.2) as served, greeted(served.port) as peer:
        peer.write(peer.request(b"held", HOLD)[1])
        await eventually(lambda: served.held)
        served.stop.set()
        async with asyncio.timeout(30):
            await peer.ended()


async def test_no_call_of_a_real_client_is_lost_when_a_worker_goes() -> None:
    """Two servers on one port: while one drains, clients under load go over to the other."""
    boards = [Switchboard({ECHO: lambda message, _, done: done(message)}, Limits()) for _ in range(2)]
    stops = [asyncio.Event() for _ in boards]
    listeners = [shared(0)]
    listeners.append(shared(listeners[0].getsockname()[1]))
    tasks = [
        asyncio.create_task(serve_grpc(board, listener, stop, settle_seconds=0.0))
        for board, listener, stop in zip(boards, listeners, stops, strict=True)
    ]
    async with asyncio.TaskGroup() as group:
        over = asyncio.Event()
        clients = [group.create_task(_load(listeners[0].getsockname()[1], over)) for _ in range(4)]
        await eventually(lambda: sum(board.stats().connections for board in boards) == 4)
        await eventually(lambda: _answered(boards) > 500)
        leaving = max(range(2), key=lambda n: boards[n].stats().connections)
        stops[leaving].set()
        await tasks[leaving]
        before = _answered(boards)
        await eventually(lambda: _answered(boards) > before + 500)
        over.set()
    for stop in stops:
        stop.set()
    await asyncio.gather(*tasks)

    assert sum(client.result() for client in clients) == _answered(boards)


def _answered(boards: list[Switchboard]) -> int:
    return sum(board.service.methods[ECHO].ended[0] for board in boards)


async def _load(port: int, over: asyncio.Event) -> int:
    """Calls one after another until it is over; their number. Raises if one fails."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    calls = 0
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        say = channel.unary_unary(ECHO)
        while not over.is_set():
            await say(b"%d" % calls)
            calls += 1
    return calls


async def test_health_says_whether_to_send_work() -> None:
    """SERVING, or NOT_SERVING, as the worker is ready."""
    ready = [True, False]
    methods = {CHECK: health(lambda: ready.pop(0))}
    async with serving(others=methods) as served, greeted(served.port) as peer:
        states = [
            HealthCheckResponse.FromString((await peer.call(b"", CHECK)).message).status for _ in range(2)
        ]
        assert (await peer.call(b"\xff", CHECK)).status == "13"

    assert states == [1, 2]


async def test_what_is_counted() -> None:
    """Calls by method and status, streams and connections, and what was ended."""
    async with serving() as served:
        async with greeted(served.port) as peer, connected(served.port):
            await peer.call(b"x")
            await peer.call(b"x", "/no.Such/Method")
            peer.write(peer.request(b"held", HOLD)[1])
            await eventually(lambda: served.held)
            stats = served.board.stats()
        calls = {
            labels: sample.value for _, samples in served.board.calls() for labels, sample in samples.items()
        }

    assert (stats.connections, stats.streams, stats.opened) == (2, 1, 2)
    assert calls == {("tests.Echo/Say", "ok"): 1, ("unknown", "unimplemented"): 1}


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_curl_is_served() -> None:
    """Another implementation of HTTP/2: nghttp2's, by prior knowledge."""
    async with serving() as served:
        words = (
            "curl",
            "-s",
            "--http2-prior-knowledge",
            "-H",
            "content-type: application/grpc",
            "--data-binary",
            "@-",
        )
        url = f"http://127.0.0.1:{served.port}{ECHO}"
        got = await asyncio.to_thread(
            subprocess.run, (*words, url), input=b"\x00\x00\x00\x00\x05hello", capture_output=True, check=True
        )

    assert got.stdout == b"\x00\x00\x00\x00\x05hello"
