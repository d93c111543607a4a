"""Follow NOTIFY on one connection of its own, and make good what was missed while it was broken."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import asyncpg
import structlog

from sadd.supervisor.backoff import delays

log = structlog.get_logger("sadd.postgres")

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Refresh: TypeAlias = Callable[[], Awaitable[None]]

CONNECT_TIMEOUT_SECONDS = 5.0
# A connection whose other end vanished without a word looks alive. Asking this often bounds how long.
HEARTBEAT_SECONDS = 2.0
HEARTBEAT_TIMEOUT_SECONDS = 2.0
REFRESH_TIMEOUT_SECONDS = 30.0


class Watch:
    """One channel and what to do about its news. Those that come while it is at work cost one more run."""

    def __init__(self, channel: str, refresh: Refresh) -> None:
        self.channel = channel
        self.news = asyncio.Event()
        self._refresh = refresh

    def told(self, *_about: object) -> None:
        self.news.set()

    async def run(self) -> None:
        """Until cancelled. A refresh that fails is logged and tried again, ever more slowly."""
        pauses_seconds = delays()
        while True:
            await self.news.wait()
            self.news.clear()
            try:
                async with asyncio.timeout(REFRESH_TIMEOUT_SECONDS):
                    await self._refresh()
                pauses_seconds = delays()
            except Exception:
                log.warning("refresh failed, trying again", channel=self.channel, exc_info=True)
                self.news.set()
                await asyncio.sleep(next(pauses_seconds))


class Listener:
    """Runs every watch's refresh on its NOTIFY and after each (re)connection, the first one included.

    A lost notification is made good by the refresh after the reconnection. Refreshes of different channels do
    not wait for each other.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._watches: list[Watch] = []
        self.connected = False

    def watch(self, channel: str, refresh: Refresh) -> None:
        """To be called before `run`."""
        self._watches.append(Watch(channel, refresh))

    async def run(self) -> None:
        """Until cancelled; reconnects with back-off for as long as it takes."""
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                group.create_task(watch.run())
            group.create_task(self._stay_connected())

    async def _stay_connected(self) -> None:
        pauses_seconds = delays()
        while True:
            try:
                await self._follow()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if self.connected:
                    pauses_seconds = delays()
                self.connected = False
                pause_seconds = next(pauses_seconds)
                log.warning("not listening", reason=str(error), again_in_seconds=pause_seconds)
                await asyncio.sleep(pause_seconds)

    async def _follow(self) -> None:
        """One connection from its start to its loss, which it raises."""
        connection: Connection = await asyncpg.connect(self._url, timeout=CONNECT_TIMEOUT_SECONDS)
        try:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _connection: lost.set())
            for watch in self._watches:
                await connection.add_listener(watch.channel, watch.told)
            # Only now: a change between an earlier refresh and LISTEN would be lost.
            for watch in self._watches:
                watch.told()
            self.connected = True
            await self._until_lost(connection, lost)
        finally:
            connection.terminate()

    async def _until_lost(self, connection: Connection, lost: asyncio.Event) -> None:
        while not lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await lost.wait()
                    break
            await connection.execute("SELECT 1", timeout=HEARTBEAT_TIMEOUT_SECONDS)
        raise ConnectionError("the connection was lost")
