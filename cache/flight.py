"""One load for a key in this process, whoever asks for it and whoever gives up.

::

    caller A --future--.
    caller B --future---+-- flight of the key: one task, its own
    caller C  cancelled /       ends -> every future that is left gets the result

The load belongs to the flight and not to the first caller: each caller awaits a future of its own.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class LoadEnded(Exception):
    """The load was ended before it gave anything (the process stops, or it cancelled itself)."""


class Flight(Generic[T]):
    """One load under way, and who waits for it."""

    __slots__ = ("_callers", "_joined", "finish", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[T]
        self.finish = False
        self._callers: dict[asyncio.Future[T], int] = {}
        self._joined = 0

    @property
    def callers(self) -> int:
        return len(self._callers)

    def board(self) -> asyncio.Future[T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._joined += 1
        self._callers[future] = self._joined
        return future

    def leave(self, future: "asyncio.Future[T]") -> None:
        self._callers.pop(future, None)

    @property
    def boarded(self) -> int:
        """How many have joined so far: what ``land_for`` tells the earlier from the later by."""
        return self._joined

    def land_for(self, boarded: int, result: T) -> None:
        """Give a result to those who had joined by then, while the flight goes on for the others."""
        for future, number in list(self._callers.items()):
            if number <= boarded and not future.done():
                future.set_result(result)
                del self._callers[future]

    def land(self, task: "asyncio.Task[T]") -> None:
        """Give everybody what the task ended with."""
        error = None if task.cancelled() else task.exception()
        for future in self._callers:
            if future.done():
                continue
            if task.cancelled():  # their own cancellation it is not, and must not look like it
                future.set_exception(LoadEnded("the load was cancelled"))
            elif error is not None:
                future.set_exception(_copied(error))
            else:
                future.set_result(task.result())


class Flights(Generic[K, T]):
    """The loads under way, one a key."""

    def __init__(self) -> None:
        self._flights: dict[K, Flight[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()
        self.joined = 0
        """Callers that found a load under way."""

    def __len__(self) -> int:
        return len(self._tasks)

    async def join(
        self, key: K, load: Callable[[Flight[T]], Coroutine[Any, Any, T]], *, finish: bool = True
    ) -> T:
        """What ``load`` gives, run once for all who join while it runs; or what it raises, a copy for each.

        When no caller is left it is cancelled, unless one of them wanted it to ``finish``.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._start(key, load)
        else:
            self.joined += 1
        flight.finish = flight.finish or finish
        future = flight.board()
        try:
            return await future
        finally:
            flight.leave(future)
            self._left(key, flight)

    def start(self, key: K, load: Callable[[Flight[T]], Coroutine[Any, Any, T]]) -> bool:
        """Begin a load that nobody waits for, unless one is under way. Its error is nobody's."""
        if key in self._flights:
            return False
        self._start(key, load).finish = True
        return True

    async def aclose(self) -> None:
        """Cancels what is under way and waits for it."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, key: K, load: Callable[[Flight[T]], Coroutine[Any, Any, T]]) -> Flight[T]:
        flight = self._flights[key] = Flight()
        flight.task = asyncio.get_running_loop().create_task(load(flight), name=f"cache load {key}")
        self._tasks.add(flight.task)
        flight.task.add_done_callback(lambda task: self._landed(key, flight, task))
        return flight

    def _landed(self, key: K, flight: Flight[T], task: "asyncio.Task[T]") -> None:
        self._tasks.discard(task)
        self._close(key, flight)
        flight.land(task)
        if not task.cancelled():
            task.exception()  # looked at: nobody may be left to whom it could be told

    def _left(self, key: K, flight: Flight[T]) -> None:
        if not flight.callers and not flight.finish and not flight.task.done():
            # Whoever asks from here on begins anew, and does not join a load that is being cancelled.
            self._close(key, flight)
            flight.task.cancel()

    def _close(self, key: K, flight: Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


def _copied(error: BaseException) -> Any:
    """The same error, but an object of its own for each who raises it: tracebacks grow on the object."""
    try:
        copied = error.__class__.__new__(error.__class__, *error.args)
        copied.__dict__.update(error.__dict__)
    except TypeError:
        return error
    copied.__cause__ = error.__cause__
    return copied
