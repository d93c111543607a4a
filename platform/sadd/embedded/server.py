"""One store's server: started, watched, started again when it dies, stopped."""

import asyncio
import time
from pathlib import Path
from typing import Protocol

import structlog

from sadd.embedded.folder import Folder
from sadd.supervisor.backoff import delays
from sadd.supervisor.child import Child, Program, spawn

log = structlog.get_logger("sadd.embedded")

PROBE_SECONDS = 0.01
PROBE_TIMEOUT_SECONDS = 2.0
SETTLED_SECONDS = 10.0  # after a life this long the back-off begins anew
STOP_TIMEOUT_SECONDS = 20.0
LOG_MAX_BYTES = 8_388_608
LOG_CHECK_SECONDS = 30.0
TAIL_LINES = 5


class StoreFailed(Exception):
    """The server could not be started; the message ends with the last it printed."""


class Recipe(Protocol):
    """How one kind of server is made ready, run and asked whether it serves."""

    name: str

    async def prepare(self) -> None: ...

    def program(self) -> Program: ...

    async def probe(self) -> None:
        """Return when it serves; OSError or TimeoutError when not yet."""


class Server:
    """Keeps the server of a `Recipe` alive between `start` and `stop`."""

    def __init__(self, recipe: Recipe, folder: Folder, start_timeout_seconds: float) -> None:
        self._recipe = recipe
        self._folder = folder
        self._start_timeout_seconds = start_timeout_seconds
        self._log = folder.logs / f"{recipe.name}.log"
        self._tasks: list[asyncio.Task[None]] = []
        self.child: Child | None = None

    async def start(self) -> None:
        """Return when it serves. Raises `StoreFailed`."""
        await self._launch()
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._bound_log())]

    async def stop(self) -> None:
        """Nothing of it is left afterwards, also if we are cancelled meanwhile."""
        for task in self._tasks:
            task.cancel()
        if self.child is not None:
            await self.child.stop(STOP_TIMEOUT_SECONDS)

    async def _launch(self) -> None:
        name, began = self._recipe.name, time.monotonic()
        try:
            async with asyncio.timeout(self._start_timeout_seconds):
                async with self._folder.server_lock(name, self._start_timeout_seconds) as lock:
                    await self._recipe.prepare()
                    self._shorten_log()
                    with self._log.open("ab") as output:
                        self.child = await spawn(
                            self._recipe.program(), stdout=output, stderr=output, keep_fds=(lock,)
                        )
                await self._until_it_serves(self.child)
        except TimeoutError:
            await self._discard()
            raise StoreFailed(
                f"{name} did not serve within {self._start_timeout_seconds:g} s{self._tail()}"
            ) from None
        except BaseException:
            await self._discard()
            raise
        log.info("store is up", store=name, pid=self.child.pid, seconds=round(time.monotonic() - began, 3))

    async def _until_it_serves(self, child: Child) -> None:
        while child.alive:
            try:
                async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                    return await self._recipe.probe()
            except (OSError, TimeoutError):
                await asyncio.sleep(PROBE_SECONDS)
        code = await child.wait()
        raise StoreFailed(f"{self._recipe.name} ended with exit code {code} while starting{self._tail()}")

    async def _discard(self) -> None:
        if self.child is not None:
            await self.child.stop(STOP_TIMEOUT_SECONDS)

    async def _keep(self) -> None:
        """Start it again whenever it has died, as often as it takes: its users recover by themselves."""
        pauses_seconds, born = delays(), time.monotonic()
        while True:
            if self.child is not None:
                code = await self.child.wait()
                log.error("store died, starting it again", store=self._recipe.name, code=code)
            if time.monotonic() - born > SETTLED_SECONDS:
                pauses_seconds = delays()
            await asyncio.sleep(next(pauses_seconds))
            born = time.monotonic()
            try:
                await self._launch()
            except Exception as error:
                # Any: this task is all that brings the store back, so nothing may end it.
                log.error("store does not start", store=self._recipe.name, reason=str(error))

    async def _bound_log(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_SECONDS)
            self._shorten_log()

    def _shorten_log(self) -> None:
        # The servers append, so the file may be emptied under them; what was in it is kept once.
        if self._log.exists() and self._log.stat().st_size > LOG_MAX_BYTES:
            self._log.with_suffix(".log.1").write_bytes(self._log.read_bytes())
            with self._log.open("r+b") as file:
                file.truncate()

    def _tail(self) -> str:
        return tail(self._log)


def tail(path: Path) -> str:
    """The last lines of a log, as the end of a one-line message."""
    if not path.exists():
        return ""
    lines = path.read_bytes()[-4096:].decode(errors="replace").splitlines()[-TAIL_LINES:]
    return ": " + " | ".join(line.strip() for line in lines) if lines else ""
