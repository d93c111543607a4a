"""Wakes everybody who waits for the way to the store to change."""

import asyncio


class Pulse:
    """``beat`` wakes all who wait now; who comes later waits for the next beat."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Future[None] = self._loop.create_future()

    def beat(self) -> None:
        if not self._next.done():
            self._next.set_result(None)
        self._next = self._loop.create_future()

    async def wait(self, timeout_seconds: float) -> None:
        """Returns at the next beat or when the time is over."""
        await asyncio.wait((self._next,), timeout=timeout_seconds)
