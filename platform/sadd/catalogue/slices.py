"""Long work on the event loop, in slices: requests are answered in between.

A thread would not do: it holds the interpreter for 5 ms at a time, which every request that comes meanwhile
would wait for.
"""

import asyncio
from collections.abc import Callable

SLICE_SECONDS = 0.001
"""About the longest time that such work holds the event loop at a stretch."""


class Slices:
    """Lets the event loop turn whenever a slice of work is done."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = clock() + SLICE_SECONDS

    async def between(self) -> None:
        """Call it after each small piece of the work."""
        if self._clock() >= self._until:
            await asyncio.sleep(0)
            self._until = self._clock() + SLICE_SECONDS
