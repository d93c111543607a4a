"""The listener: news at once, lost news made good, a failing refresh harms nobody."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from sadd.postgres import listen
from sadd.postgres.listen import Listener
from tests.waiting import eventually


class Count:
    """A refresh that counts its runs, and fails when told to."""

    def __init__(self) -> None:
        self.runs = 0
        self.failures_left = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> None:
        self.runs += 1
        await self.gate.wait()
        if self.failures_left:
            self.failures_left -= 1
            raise ValueError("no catalogue in there")


@asynccontextmanager
async def at_work(listener: Listener) -> AsyncIterator[None]:
    task = asyncio.create_task(listener.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def test_a_notification_refreshes_its_channel_alone(database_url: str) -> None:
    """Both channels are refreshed at the start, then only the one with news."""
    catalogue, keys, listener = Count(), Count(), Listener(database_url)
    listener.watch("sadd_catalogue", catalogue)
    listener.watch("sadd_keys", keys)
    async with at_work(listener):
        await eventually(lambda: (catalogue.runs, keys.runs) == (1, 1))
        await execute(database_url, "NOTIFY sadd_keys")
        await eventually(lambda: keys.runs == 2)
        assert catalogue.runs == 1


async def test_news_during_a_refresh_cost_one_more_run(database_url: str) -> None:
    """A burst of changes while a refresh is at work is read by one more run; other channels do not wait."""
    slow, other, listener = Count(), Count(), Listener(database_url)
    listener.watch("sadd_catalogue", slow)
    listener.watch("sadd_keys", other)
    slow.gate.clear()
    async with at_work(listener):
        await eventually(lambda: slow.runs == 1)
        for _ in range(20):
            await execute(database_url, "NOTIFY sadd_catalogue")
        await execute(database_url, "NOTIFY sadd_keys")
        await eventually(lambda: other.runs == 2)  # so the burst has arrived as well
        slow.gate.set()
        await eventually(lambda: slow.runs == 2)
        await execute(database_url, "NOTIFY sadd_keys")
        await eventually(lambda: other.runs == 3)
        assert slow.runs == 2


async def test_a_failing_refresh_is_tried_again(database_url: str) -> None:
    """Without a further notification, until it succeeds."""
    count, listener = Count(), Listener(database_url)
    count.failures_left = 2
    listener.watch("sadd_catalogue", count)
    async with at_work(listener):
        await eventually(lambda: count.runs == 3)
        await execute(database_url, "NOTIFY sadd_catalogue")
        await eventually(lambda: count.runs == 4)


async def test_a_lost_notification_is_made_good(database_url: str) -> None:
    """After a broken connection everything is refreshed once it listens again."""
    count, listener = Count(), Listener(database_url)
    listener.watch("sadd_catalogue", count)
    async with at_work(listener):
        await eventually(lambda: count.runs == 1)
        await execute(
            database_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            " AND datname = current_database()",
        )
        await eventually(lambda: count.runs == 2)
        await execute(database_url, "NOTIFY sadd_catalogue")
        await eventually(lambda: count.runs == 3)


async def test_a_connection_that_went_silent_is_found(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other end hangs without closing: the heartbeat notices, and there is a new connection."""
    monkeypatch.setattr(listen, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(listen, "HEARTBEAT_TIMEOUT_SECONDS", 0.2)
    silenced = Silence()
    server = await asyncio.start_server(silenced.pass_on(database_url), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database = database_url.rpartition("/")[2]
    count, listener = Count(), Listener(f"postgresql://sadd@127.0.0.1:{port}/{database}")
    listener.watch("sadd_catalogue", count)
    async with server, at_work(listener):
        await eventually(lambda: count.runs == 1)
        silenced.hold()
        await eventually(lambda: not listener.connected)
        silenced.let_go()
        await eventually(lambda: count.runs == 2)
    silenced.close()


class Silence:
    """A TCP proxy that can stop passing bytes on without closing anything."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._writers: list[asyncio.StreamWriter] = []

    def hold(self) -> None:
        self._open.clear()

    def let_go(self) -> None:
        self._open.set()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()

    def pass_on(self, url: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        place = urlsplit(url)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection(place.hostname, place.port)
            self._writers += [writer, far_writer]
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

        return connected

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
        writer.close()
