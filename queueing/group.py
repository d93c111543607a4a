"""Questions of many callers, asked together: one statement, one commit.

::

    ask ask ask ──▶ waiting ──▶ one statement ──▶ answered
           ask ──────▲   (the next one, while the first is on its way)
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from queueing.store import StoreUnavailable

Q = TypeVar("Q")
A = TypeVar("A")

ROWS_MAX = 1_000
WAITING_MAX = 20_000


class Group(Generic[Q, A]):
    """``answer`` gets up to ROWS_MAX questions, no two of one ``key``, and answers them in order."""

    def __init__(
        self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], key: Callable[[Q], Hashable]
    ) -> None:
        self._answer = answer
        self._key = key
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._flying: asyncio.Task[None] | None = None
        self.flights = 0
        self.rows = 0

    async def ask(self, question: Q) -> A:
        """The answer. Raises StoreUnavailable when too many wait, and what ``answer`` raises."""
        if len(self._waiting) >= WAITING_MAX:
            raise StoreUnavailable(f"journal: {WAITING_MAX} questions wait")
        answered: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answered))
        if self._flying is None:
            self._flying = asyncio.create_task(self._fly())
        return await answered

    async def _fly(self) -> None:
        try:
            while self._waiting:
                await self._ask_all(self._taken())
        finally:
            self._flying = None

    def _taken(self) -> list[tuple[Q, "asyncio.Future[A]"]]:
        """At most one question for each key; the others follow, in their order."""
        taken: list[tuple[Q, asyncio.Future[A]]] = []
        left: list[tuple[Q, asyncio.Future[A]]] = []
        keys: set[Hashable] = set()
        for question, answered in self._waiting:
            key = self._key(question)
            if key in keys or len(taken) == ROWS_MAX:
                left.append((question, answered))
            else:
                keys.add(key)
                taken.append((question, answered))
        self._waiting = left
        return taken

    async def _ask_all(self, taken: list[tuple[Q, "asyncio.Future[A]"]]) -> None:
        try:
            answers = await self._answer([question for question, _ in taken])
        except BaseException as error:  # cancelled as well: the loop ends, and nobody may wait for ever
            for _, answered in taken:
                _fail(answered, error)
            if not isinstance(error, Exception):
                raise
            return
        self.flights += 1
        self.rows += len(taken)
        for (_, answered), answer in zip(taken, answers, strict=True):
            if not answered.done():
                answered.set_result(answer)


def _fail(answered: "asyncio.Future[A]", error: BaseException) -> None:
    """A new exception for each: a shared one would gather everybody's traceback."""
    if not answered.done():
        answered.set_exception(
            type(error)(*error.args) if isinstance(error, Exception) else StoreUnavailable("the process ends")
        )
