"""One node that stalls, dies and comes back, under load."""

import asyncio
import time

import pytest

from benchmarks.servers import Server
from sadd.valkey.errors import BreakerOpen, ClientClosed, ConnectionLost, StoreStalled
from sadd.web.health import Health
from tests.sadd.valkey.fleet import INCR, opened, under_load
from tests.waiting import eventually


async def test_a_stalled_store_opens_the_breaker_and_recovers(server: Server) -> None:
    """SIGSTOP: one deadline is waited for, then calls fail at once; SIGCONT: back by itself."""
    async with opened(server.url, deadline_ms=200) as client:
        await client.run(INCR, [b"n"], [])
        server.freeze()
        began = time.perf_counter()
        with pytest.raises(StoreStalled):
            await client.run(INCR, [b"n"], [])
        assert time.perf_counter() - began > 0.19
        refusals = [await _seconds_of_a_refusal(client.run(INCR, [b"n"], [])) for _ in range(100)]
        assert sorted(refusals)[50] < 0.1, "no deadline is waited for"
        assert client.stats().breaker in ("open", "half-open")
        with pytest.raises(ConnectionError):
            await client.probe()

        server.thaw()
        await eventually(lambda: client.stats().breaker == "closed")
        await client.probe()
        # 1 before, 1 that lay in the frozen socket (its caller was told "may have run"), none of the refused.
        reply = await client.run(INCR, [b"n"], [])
        assert isinstance(reply, int)
        assert reply <= 3


async def test_a_store_that_cannot_write_is_not_ready(server: Server) -> None:
    """It still answers PING; readiness must say that it takes nothing, and by which word of the store."""
    async with opened(server.url) as client:
        health = Health({"valkey": client.probe})
        with server.client() as behind:
            behind.config_set("maxmemory", 1)
            await health.probe()
            assert health.readiness.stores == {"valkey": "away: NotReady OOM"}
            behind.config_set("maxmemory", 0)
        await health.probe()
        assert health.readiness.status == "ready"


async def _seconds_of_a_refusal(call: "asyncio.Future[object] | object") -> float:
    began = time.perf_counter()
    with pytest.raises(BreakerOpen):
        await call  # type: ignore[misc]  # a coroutine of any reply
    return time.perf_counter() - began


async def test_a_killed_store_comes_back_without_its_scripts_and_nobody_notices(server: Server) -> None:
    """kill -9 and restart under load: refusals while it is away, never a script error, nothing lost."""
    async with opened(server.url) as client:
        async with under_load(client, repeat_safe=False) as load:
            await eventually(lambda: load.acknowledged.total() > 500)
            server.kill()
            await eventually(lambda: client.stats().breaker != "closed")
            refused = len(load.errors)
            await eventually(lambda: len(load.errors) > refused + 100)
            server.start(await_answer=False)
            await eventually(lambda: client.stats().breaker == "closed")
            acknowledged = load.acknowledged.total()
            await eventually(lambda: load.acknowledged.total() > acknowledged + 500)
        assert client.stats().reloads > 0
        assert {type(error) for error in load.errors} <= {ConnectionLost, BreakerOpen}
        # Under everysec a killed process loses nothing that was written: the page cache outlives it.
        assert await load.lost() == 0


async def test_a_broken_connection_is_no_outage_for_calls_that_may_repeat(server: Server) -> None:
    """CLIENT KILL under load: repeat-safe calls are sent again on the next connection, without an error."""
    async with opened(server.url) as client:
        async with under_load(client, repeat_safe=True) as load:
            await eventually(lambda: load.acknowledged.total() > 200)
            with server.client() as behind:
                behind.client_kill_filter(_type="normal", skipme=True)
            acknowledged = load.acknowledged.total()
            await eventually(lambda: load.acknowledged.total() > acknowledged + 200)
        assert load.errors == []
        assert client.stats().reconnects == 1


async def test_a_broken_connection_is_told_to_calls_that_must_not_repeat(server: Server) -> None:
    """Without repeat_safe the caller learns that the call may have run; it is not run twice."""
    async with opened(server.url, deadline_ms=5000) as client:
        await client.run(INCR, [b"n"], [])
        server.freeze()
        call = asyncio.create_task(client.run(INCR, [b"n"], []))
        await eventually(lambda: client.stats().in_flight)
        server.kill()
        with pytest.raises(ConnectionLost) as lost:
            await call
        assert lost.value.written


async def test_calls_while_away_leave_nothing_behind(server: Server) -> None:
    """What was refused is not replayed: the count after the return is the count before it."""
    async with opened(server.url) as client:
        await client.run(INCR, [b"n"], [])
        server.kill()
        await eventually(lambda: client.stats().breaker != "closed")
        for _ in range(50):
            with pytest.raises(ConnectionError):
                await client.run(INCR, [b"n"], [], repeat_safe=True)
        server.start()
        await eventually(lambda: client.stats().breaker == "closed")
        assert await client.run(INCR, [b"n"], []) == 2


async def test_with_a_failover_deadline_a_single_node_is_waited_for(server: Server) -> None:
    """Behind an address that moves (a proxy, a service of Kubernetes) calls may wait for the next server."""
    async with opened(server.url, failover_deadline_ms=5000) as client:
        assert await client.run(INCR, [b"n"], []) == 1
        server.kill()
        call = asyncio.create_task(client.run(INCR, [b"n"], [], repeat_safe=True))
        await eventually(lambda: client.stats().waiting == 1)
        server.start()
        assert await call == 2
        assert not client.stats().errors


async def test_calls_that_wait_are_told_of_the_end(server: Server) -> None:
    """aclose() does not leave them waiting for a store that nobody dials any more."""
    async with opened(server.url, failover_deadline_ms=60_000) as client:
        await client.run(INCR, [b"n"], [])
        server.kill()
        call = asyncio.create_task(client.run(INCR, [b"n"], [], repeat_safe=True))
        await eventually(lambda: client.stats().waiting == 1)
    with pytest.raises(ClientClosed):
        await call
