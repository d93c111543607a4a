"""What is carried through, also when the caller is gone: half of it must not stay."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Deeds:
    """Owns the tasks until they are done."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[Any]] = set()

    async def through(self, deed: Coroutine[Any, Any, T]) -> T:
        return await asyncio.shield(self.start(deed))

    def start(self, deed: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(deed)
        self._under_way.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: its caller may be gone
