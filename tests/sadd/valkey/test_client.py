"""One node that is well: answers, bounds, callers that give up."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
import uvloop

from benchmarks.servers import Server, free_ports
from sadd.valkey.client import ValkeyClient
from sadd.valkey.errors import (
    ClientClosed,
    DeadlineExceeded,
    InFlightFull,
    NotReady,
    ReplyError,
    StoreAway,
    StoreRefused,
    StoreStalled,
)
from sadd.valkey.script import Script
from sadd.valkey.topology import open_client
from sadd.valkey.wire import Reply
from tests.sadd.valkey.fleet import INCR, opened
from tests.waiting import eventually

ECHO = Script("echo", b"return ARGV[1]")


def hold(client: ValkeyClient, milliseconds: int) -> "asyncio.Task[Reply]":
    """A call that occupies the connection for a while by the clock, whatever the machine's load."""
    return asyncio.create_task(client.command("XREAD", "BLOCK", milliseconds, "STREAMS", "nothing", "$"))


async def test_a_script_answers_with_each_type_of_reply(valkey_url: str) -> None:
    """Bytes, integers, nothing and nested lists come back as the store said them."""
    nested = Script("nested", b"return {1, 'two', {false, ARGV[1]}, KEYS[1]}")
    async with opened(valkey_url) as client:
        assert await client.run(nested, [b"key"], [3]) == [1, b"two", [None, b"3"], b"key"]
        assert await client.command("GET", "nothing", key=b"nothing") is None
        assert await client.command(b"SET", "key", 7, key=b"key") == b"OK"


async def test_all_calls_of_a_tick_go_out_in_one_write(valkey_url: str) -> None:
    """Sixty calls that start in one tick make one batch, and each gets its own answer."""
    async with opened(valkey_url) as client:
        await client.run(ECHO, [], ["warm"])
        before = client.stats().batches
        answers = await asyncio.gather(*(client.run(ECHO, [], [number]) for number in range(60)))
        assert client.stats().batches == before + 1
    assert answers == [b"%d" % number for number in range(60)]


async def test_a_flushed_script_is_loaded_again_unseen(valkey_url: str) -> None:
    """SCRIPT FLUSH in the middle makes no error for anybody, and the reloads are counted."""
    async with opened(valkey_url) as client:
        await client.run(ECHO, [], ["warm"])
        await client.command("SCRIPT", "FLUSH")
        answers = await asyncio.gather(*(client.run(ECHO, [], [number]) for number in range(20)))
        assert client.stats().reloads == 1 + 20
        assert not client.stats().errors
    assert answers == [b"%d" % number for number in range(20)]


async def test_an_error_of_the_script_reaches_its_caller_only(valkey_url: str) -> None:
    """A failing call between two good ones fails alone, with the store's own code."""
    async with opened(valkey_url) as client:
        await client.command("SET", "text", "abc", key=b"text")
        good, bad, also_good = await asyncio.gather(
            client.run(ECHO, [], ["a"]),
            client.run(INCR, [b"text"], []),
            client.run(ECHO, [], ["b"]),
            return_exceptions=True,
        )
        assert client.stats().errors == {"ReplyError": 1}
    assert (good, also_good) == (b"a", b"b")
    assert isinstance(bad, ReplyError)
    assert bad.code == "ERR"


async def test_a_script_that_does_not_compile_is_an_error_not_a_loop(valkey_url: str) -> None:
    """A broken source is sent once and its fault is told."""
    async with opened(valkey_url) as client:
        with pytest.raises(ReplyError, match="compiling"):
            await client.run(Script("broken", b"return ("), [], [])


async def test_cancelled_callers_in_the_midst_of_a_batch_harm_nobody(valkey_url: str) -> None:
    """Every second caller is cancelled after the write; all others get their own answers, also later ones."""
    async with opened(valkey_url) as client:
        await client.run(ECHO, [], ["warm"])
        calls = [asyncio.create_task(client.run(ECHO, [], [number])) for number in range(200)]
        await asyncio.sleep(0)  # they are queued
        await asyncio.sleep(0)  # and written
        for call in calls[::2]:
            call.cancel()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [answers[number] for number in range(1, 200, 2)] == [b"%d" % n for n in range(1, 200, 2)]
        assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
        assert await client.run(ECHO, [], ["after"]) == b"after"
        assert client.stats().in_flight == 0


async def test_more_than_the_bound_in_flight_is_refused_at_once(valkey_url: str) -> None:
    """With ten places the eleventh call is a ConnectionError now, not later, and is counted."""
    async with opened(valkey_url, max_in_flight=10) as client:
        answers = await asyncio.gather(
            *(client.run(ECHO, [], [number]) for number in range(14)), return_exceptions=True
        )
        assert client.stats().errors == {"InFlightFull": 4}
    assert [type(answer) for answer in answers[10:]] == [InFlightFull] * 4
    assert all(isinstance(answer, bytes) for answer in answers[:10])
    assert issubclass(InFlightFull, ConnectionError)


async def test_a_deadline_without_silence_keeps_the_connection(valkey_url: str) -> None:
    """A call that is overdue though others were answered fails alone; its late answer goes to nobody else."""
    async with opened(valkey_url, deadline_ms=1000) as client:
        first, second = hold(client, 300), hold(client, 900)
        assert await first is None
        with pytest.raises(DeadlineExceeded) as overdue:
            await second
        assert not isinstance(overdue.value, StoreStalled)
        assert await client.run(ECHO, [], ["mine"]) == b"mine"
        assert client.stats().reconnects == 0
    assert issubclass(DeadlineExceeded, TimeoutError)


async def test_deadlines_are_kept(server: Server) -> None:
    """One timer a connection is enough: an overdue call fails, though nothing else happens."""
    async with opened(server.url, deadline_ms=150) as client:
        await client.run(ECHO, [], ["warm"])
        server.freeze()
        began = time.perf_counter()
        with pytest.raises(TimeoutError):
            await client.run(ECHO, [], ["late"])
        took = time.perf_counter() - began
        server.thaw()
    assert 0.145 < took < 5


async def test_commands_that_would_spoil_the_shared_connection_are_refused(valkey_url: str) -> None:
    """Blocking and stateful commands are misuse: ValueError, and nothing is sent."""
    async with opened(valkey_url) as client:
        for word in ("BLPOP", b"subscribe", "MULTI"):
            with pytest.raises(ValueError, match="connection of its own"):
                await client.command(word, "x")
        assert client.stats().calls == 0


async def test_a_closed_client_says_so(valkey_url: str) -> None:
    """After aclose() calls fail with ClientClosed, those that were under way too."""
    client = await open_client(valkey_url, deadline_ms=1000, max_in_flight=10)
    call = hold(client, 900)
    await eventually(lambda: client.stats().in_flight)
    await client.aclose()
    with pytest.raises(ClientClosed):
        await call
    with pytest.raises(ClientClosed):
        await client.command("PING")


async def test_a_unix_socket_and_a_database_number_work(tmp_path: Path) -> None:
    """unix:// speaks through the socket, and db is the database that calls see."""
    path = tmp_path / "socket"
    with Server(tmp_path, free_ports(1)[0], ["--unixsocket", str(path)]) as server:
        async with opened(f"unix://{path}?db=3") as client:
            await client.command("SET", "where", "three", key=b"where")
        with server.client() as behind:
            behind.select(3)
            assert behind.get("where") == b"three"


async def test_a_password_opens_and_is_never_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """The right one logs in; a wrong one stops start-up. No message, log line or repr holds either."""
    caplog.set_level(logging.DEBUG)
    right, wrong = "open-sesame-7421", "shut-sesame-7421"
    with Server(tmp_path, free_ports(1)[0], ["--requirepass", right], password=right) as server:
        async with opened(f"redis://:{right}@127.0.0.1:{server.port}") as client:
            assert await client.command("PING") == b"PONG"
            told = [repr(client), repr(client.stats())]
            server.kill()
            with pytest.raises(StoreAway) as away:
                await client.command("PING")
            told.append(repr(away.value))
            server.start()
        with pytest.raises(StoreRefused) as refused:
            await open_client(f"redis://:{wrong}@127.0.0.1:{server.port}", deadline_ms=250, max_in_flight=1)
    told += [str(refused.value), caplog.text, *capsys.readouterr()]
    assert "WRONGPASS" in str(refused.value)
    assert "sesame" not in "".join(told)


async def test_a_store_that_is_away_at_start_is_a_connection_error() -> None:
    """The message names the place, so that a start-up log line can be acted on."""
    port = free_ports(1)[0]
    with pytest.raises(ConnectionError, match=f"127.0.0.1:{port}"):
        await open_client(f"redis://127.0.0.1:{port}", deadline_ms=250, max_in_flight=1)


async def test_a_store_that_refuses_for_now_is_a_connection_error(server: Server) -> None:
    """Out of memory, or fenced off from its replicas: NotReady, the connection stays, reads go on."""
    async with opened(server.url) as client:
        await client.command("SET", "kept", "x", key=b"kept")
        for setting, value, code in (("maxmemory", "1", "OOM"), ("min-replicas-to-write", "1", "NOREPLICAS")):
            await client.command("CONFIG", "SET", setting, value)
            with pytest.raises(NotReady) as refused:
                await client.run(INCR, [b"n"], [], repeat_safe=True)
            assert refused.value.code == code
            assert await client.command("GET", "kept", key=b"kept") == b"x"
            await client.command("CONFIG", "SET", setting, "0")
        assert await client.run(INCR, [b"n"], []) == 1
        assert client.stats().reconnects == 0


async def test_bytes_that_the_store_does_not_take_are_bounded(server: Server) -> None:
    """A frozen store and large values: past 16 MB unsent calls are refused, before their deadlines."""
    async with opened(server.url, deadline_ms=5000) as client:
        await client.command("PING")
        server.freeze()
        calls = []
        for _ in range(30):
            calls.append(asyncio.create_task(client.command("SET", "big", b"x" * 2**20, key=b"big")))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        ended = [call for call in calls if call.done()]
        assert 5 <= len(ended) <= 14
        assert {type(call.exception()) for call in ended} == {InFlightFull}
        server.thaw()
        await asyncio.gather(*calls, return_exceptions=True)
        assert await client.command("PING") == b"PONG"


@pytest.mark.parametrize(
    "scene",
    [
        test_all_calls_of_a_tick_go_out_in_one_write,
        test_cancelled_callers_in_the_midst_of_a_batch_harm_nobody,
        test_more_than_the_bound_in_flight_is_refused_at_once,
        test_a_deadline_without_silence_keeps_the_connection,
        test_a_closed_client_says_so,
    ],
)
def test_the_same_on_uvloop(scene: Callable[[str], Coroutine[None, None, None]], valkey_url: str) -> None:
    """The servers run on uvloop, whose transports and timers are its own."""
    uvloop.run(scene(valkey_url))


@pytest.mark.parametrize(
    "scene",
    [test_deadlines_are_kept, test_bytes_that_the_store_does_not_take_are_bounded],
)
def test_the_same_with_a_frozen_server_on_uvloop(
    scene: Callable[[Server], Coroutine[None, None, None]], server: Server
) -> None:
    """Silence and back-pressure look different there too."""
    uvloop.run(scene(server))
