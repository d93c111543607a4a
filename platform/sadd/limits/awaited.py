"""The engine by its coroutines, for a desk that wants callbacks; until the engine has callbacks itself."""

import asyncio
from collections.abc import Callable

from ratelimit.decision import Decision
from ratelimit.limiter import Check, Limiter


class Awaited:
    """``Limiter.ask`` by ``Limiter.check``: one task for each question."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, check: Check, done: Callable[[Decision], None]) -> None:
        task = asyncio.get_running_loop().create_task(self._check(check, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, check: Check, done: Callable[[Decision], None]) -> None:
        done(await self._limiter.check(check.policy, check.key, check.cost))
