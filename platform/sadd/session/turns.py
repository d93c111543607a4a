"""Of several merges into one session at once each waits for its turn, instead of undoing the others' work."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WAITING_MAX = 2_000
"""For one session; who comes then goes on without a turn, and may find a conflict."""


class Turns:
    """Within this process. Between processes the version decides."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def of(self, ref: str) -> AsyncIterator[None]:
        waiting = self._waiting.get(ref)
        if waiting is None:
            self._waiting[ref] = deque()
        elif len(waiting) < WAITING_MAX:
            await self._wait(ref, waiting)
        else:
            yield
            return
        try:
            yield
        finally:
            self._next(ref)

    async def _wait(self, ref: str, waiting: "deque[asyncio.Future[None]]") -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._next(ref)  # it was given in the same moment
            raise

    def _next(self, ref: str) -> None:
        waiting = self._waiting[ref]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._waiting[ref]
