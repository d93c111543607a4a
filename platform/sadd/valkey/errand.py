"""Questions that run to their end, also when the one who asked is gone.

redis-py never closes a connection whose making was cancelled. So what asks through it is not cancelled
with its caller but waited for at the end, within the time-outs that redis-py itself was given.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

FINISH_SECONDS = 2.0


class Errands:
    """The questions under way of one asker."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, question: Coroutine[Any, Any, T]) -> T:
        """The answer. When this is cancelled the question goes on."""
        task = asyncio.get_running_loop().create_task(question)
        self._running.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: nobody may be left to whom it could be told

    async def finish(self) -> None:
        """Waits for what is under way, FINISH_SECONDS at most."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()
