"""A store behind a slow network: a relay that keeps each piece of an answer for a while."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Passes connections on to ``port`` of this machine; answers take ``delay_seconds`` longer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.delay_seconds = 0.0
        self.url = ""

    async def serve(self, caller: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        store, asked = await asyncio.open_connection("127.0.0.1", self._port)
        with suppress(ConnectionError):  # either side has gone, and the close tells the other
            await asyncio.gather(self._pass_on(caller, asked), self._pass_on(store, answer, late=True))
        asked.close()
        answer.close()

    async def _pass_on(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, late: bool = False
    ) -> None:
        loop = asyncio.get_running_loop()
        due = 0.0
        while piece := await source.read(65536):
            # No piece overtakes the one before it, also when the delay has become shorter meanwhile.
            due = max(due + 1e-6, loop.time() + (self.delay_seconds if late else 0.0))
            loop.call_at(due, to.write, piece)
        to.close()


@contextmanager
def relay(port: int) -> Iterator[Relay]:
    """A relay to ``port`` until the block ends, in a thread of its own: a test may block its loop."""
    passing = Relay(port)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    opening = asyncio.run_coroutine_threadsafe(asyncio.start_server(passing.serve, "127.0.0.1", 0), loop)
    server = opening.result(30)
    passing.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield passing
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
