"""The fast lane over real sockets: order, bounds, clients that leave, and the end."""

import asyncio
import socket
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from sadd.web.lane.lane import PIPELINE_MAX
from tests.sadd.web.lane.corpus import BATCH, TRY, chunked
from tests.sadd.web.lane.scene import BODY, LIMITS, PATIENT, Engine, answers, exchange, post, server
from tests.sadd.web.served import Served
from tests.waiting import eventually

CLOSING = post(b"Connection: close")


def check(key: str) -> bytes:
    return post(body=BODY.replace(b"citizen-1", key.encode()))


async def alive(site: Served) -> bool:
    return [one.status for one in await exchange(site, [CLOSING])] == [b"HTTP/1.1 200 OK"]


async def test_answers_leave_in_the_order_of_the_requests() -> None:
    """Also when the engine decides them in another order."""
    engine = Engine(held=[])
    async with server(engine, PATIENT) as site:
        reader, writer = await site.raw(b"".join(post(body=_cost(cost)) for cost in (1, 2, 3)))
        assert engine.held is not None
        await eventually(lambda: len(engine.held or ()) == 3)
        engine.held.reverse()
        engine.release()

        received = await reader.readuntil(b'"remaining":17,"reset_after_ms":999}')
        remaining = [one.body.partition(b'"remaining":')[2][:2] for one in answers(received)]
        assert remaining == [b"19", b"18", b"17"]
        writer.close()


def _cost(cost: int) -> bytes:
    return BODY.replace(b'"cost":1', b'"cost":%d' % cost)


async def test_a_pipeline_is_bounded() -> None:
    """Of many requests at once so many are asked; the rest wait unread, and all are answered."""
    engine = Engine(held=[])
    async with server(engine, PATIENT) as site:
        sent = post() * 500 + CLOSING
        asking = asyncio.create_task(site.exchange(sent))
        await eventually(lambda: len(engine.asked) == PIPELINE_MAX)
        assert site.traffic.in_flight == PIPELINE_MAX
        engine.release()

        assert (await asking).count(b"HTTP/1.1 200 OK\r\n") == 501


async def test_whoever_does_not_read_is_not_read_either() -> None:
    """Its requests are no longer taken once its answers do not leave; others are served meanwhile."""
    engine = Engine()
    batch = post(path=BATCH, body=b'{"checks":[%b]}' % b",".join([BODY] * 1000))
    async with server(engine, PATIENT) as site:
        client = socket.create_connection(("127.0.0.1", site.port))
        client.setblocking(False)
        asked = 0
        sent = b""

        def stuck() -> bool:
            nonlocal asked, sent
            sent = sent or batch * 4
            try:
                sent = sent[client.send(sent) :]
            except BlockingIOError:
                before, asked = asked, len(engine.asked)
                return before == asked
            return False

        await eventually(stuck)
        assert await alive(site)
        client.close()
        await eventually(lambda: site.connections.stats().open == 0)


async def test_clients_that_leave_harm_nobody() -> None:
    """Hundreds go with their calls under way, again and again: others are answered, nothing is left."""
    engine = Engine()
    async with server(engine, PATIENT) as site:
        for _ in range(3):
            engine.held = []
            writers = [(await site.raw(post() * 2))[1] for _ in range(200)]
            staying, stays = await site.raw(post())
            await eventually(lambda: len(engine.held or ()) == 401)
            for writer in writers:
                writer.transport.abort()
            await eventually(lambda: site.connections.stats().open <= 2)
            engine.release()

            assert (await staying.readuntil(b"}")).startswith(b"HTTP/1.1 200 OK\r\n")
            stays.close()
            assert await alive(site)
            assert site.traffic.in_flight == 0


async def test_calls_under_way_are_answered_when_the_server_drains() -> None:
    """Each answer says that it is the last; idle connections end at once, and so does serving."""
    engine = Engine(held=[])
    async with server(engine, PATIENT) as site:
        reader, writer = await site.raw(post() * 2)
        idle, leaves = await site.raw(TRY)
        await idle.readuntil(b"}")
        await eventually(lambda: len(engine.held or ()) == 2)
        site.stop.set()
        assert await idle.read() == b""
        engine.release()

        (only,) = answers(await reader.read())
        assert dict(only.headers)[b"connection"] == b"close"
        leaves.close()
        await asyncio.wait_for(asyncio.shield(site.ended), 30)
        writer.close()


async def test_a_connection_without_a_request_does_not_hold_up_the_drain() -> None:
    """It is closed when the time of newcomers is over."""
    async with server(Engine(), PATIENT) as site:
        reader, writer = await site.raw()
        await eventually(lambda: site.connections.newcomers == 1)
        site.stop.set()
        assert await reader.read() == b""
        await asyncio.wait_for(asyncio.shield(site.ended), 30)
        writer.close()


async def test_calls_that_never_end_are_cut_off() -> None:
    """At the end of the drain, with a line in the log."""
    async with server(Engine(held=[]), replace(PATIENT, drain_timeout_seconds=0.3)) as site:
        with capture_logs() as logs:
            reader, writer = await site.raw(post())
            await eventually(lambda: site.traffic.in_flight == 1)
            site.stop.set()
            assert await reader.read() == b""
            await asyncio.wait_for(asyncio.shield(site.ended), 30)
            writer.close()
        assert [line["requests"] for line in logs if "cut off" in line["event"]] == [1]


async def test_the_lane_takes_over_again() -> None:
    """What aiohttp is lent is that one request; what it gets for good is the rest of the connection."""
    async with server(Engine(), PATIENT) as site:
        await exchange(site, [post() + TRY, post() + post(key=None) + post(), CLOSING])
        counters = site.connections.counters
        assert (counters.lent, counters.handed_over) == (2 + 2, 0)  # TRY, CLOSING, and two of the scene's own

        await exchange(site, [chunked() + post(), CLOSING])
        assert (counters.handed_over, counters.malformed) == (1, 0)


async def test_without_the_lane_aiohttp_has_all() -> None:
    """The setting turns it off."""
    async with server(Engine(), PATIENT, lane=False) as site:
        assert await alive(site)
        assert (site.connections.counters.lent, site.connections.counters.handed_over) == (0, 0)


async def test_both_ways_count_alike() -> None:
    """Requests by route and class of status, connections, and those that were refused."""
    counted = []
    for lane in (True, False):
        async with server(Engine(), LIMITS, lane=lane) as site:
            await exchange(site, [post() + post(key=None) + TRY + CLOSING])
            await exchange(site, [post(body=b"{") + CLOSING])
            for refused in (b"", post()[:60], b"NONSENSE\r\n\r\n", post(b"X-Large: " + b"x" * 5000)):
                await exchange(site, [refused])
            routes = {one.path: list(one.by_class) for one in site.traffic.routes}
            stats = site.connections.stats()
            counted.append((routes, stats.opened, stats.refused))
    assert counted[0] == counted[1]


async def test_a_connection_is_closed_when_idle() -> None:
    """After its last answer, not after its first."""
    async with server(Engine(), replace(LIMITS, idle_timeout_seconds=0.4)) as site:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        reader, writer = await site.raw(post())
        await reader.readuntil(b"}")
        assert await reader.read() == b""
        assert loop.time() - asked_at > 0.3
        writer.close()


async def test_a_call_in_time_is_not_idle() -> None:
    """A connection whose call takes long is kept."""
    engine = Engine(held=[])
    async with server(engine, replace(LIMITS, idle_timeout_seconds=0.2)) as site:
        reader, writer = await site.raw(post())
        await eventually(lambda: len(engine.held or ()) == 1)
        until = asyncio.get_running_loop().time() + 0.7
        await eventually(lambda: asyncio.get_running_loop().time() > until)
        engine.release()
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()


@pytest.mark.parametrize("lane", [True, False])
async def test_a_fault_of_ours_is_a_problem_and_a_line(lane: bool) -> None:
    """500 with the id under which it was logged, on either way."""
    engine = Engine()

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    engine.ask = broken  # type: ignore[assignment, method-assign]
    async with server(engine, PATIENT, lane=lane) as site:
        with capture_logs() as logs:
            received = await exchange(site, [post(b"X-Request-Id: id-1") + CLOSING])
    assert [one.status for one in received] == [b"HTTP/1.1 500 Internal Server Error"] * 2
    (line, _) = [line for line in logs if line["event"] == "request"]
    assert (line["route"], line["status"], line["log_level"]) == ("/v1/limits/check", 500, "error")
