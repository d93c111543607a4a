"""What the shared text asks of the outside: bytes, waiting, turns. ``aio`` and ``blocking`` give it.

All logic above is written once, as coroutines. On asyncio they wait as coroutines do. The blocking
counterparts of these ports never suspend, so there a coroutine runs to its end in one step, and ``complete``
turns it into an ordinary call.
"""

import ssl
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a platform listens. ``tls`` is None for plain HTTP."""

    host: str
    port: int
    tls: ssl.SSLContext | None


class Stream(Protocol):
    """One connection. Deadlines are of ``clock.now``; TimeoutError when one passes, OSError at a break."""

    async def send(self, sent: bytes, deadline: float) -> None: ...

    async def receive(self, deadline: float) -> bytes:
        """What is there, at least a byte; ``b""`` at the end."""

    def stale(self) -> bool:
        """Whether something happened to an idle connection: it ended, or brought what nobody asked for."""

    def close(self) -> None: ...

    def disown(self) -> None:
        """Let go of it in a forked child: it goes on being the parent's."""


class Turnstile(Protocol):
    """Lets a number of callers in at once."""

    async def acquire(self, deadline: float) -> bool:
        """False when the deadline passed outside."""

    def release(self) -> None: ...


class Flights(Protocol):
    async def join(
        self, name: str, work: Callable[[], Coroutine[Any, Any, T]], deadline: float
    ) -> tuple[T, bool]:
        """What comes of the work of this name that is under way, or of this one; whether it was this one.

        A caller who goes away harms no other, and the work goes on. TimeoutError at the deadline of a caller
        who waits for another; what the work raises is raised to all.
        """

    def forget(self) -> None:
        """In a forked child: what is under way is the parent's."""


class Io(Protocol):
    beside: bool
    """Whether ``start`` returns before its work is done."""

    async def connect(self, place: Place, deadline: float) -> Stream:
        """OSError or TimeoutError when there is no connection."""

    async def pause(self, seconds: float) -> None: ...

    def turnstile(self, places: int) -> Turnstile: ...

    def mutex(self) -> AbstractContextManager[object]:
        """Keeps other threads out of a few lines that do not wait; nothing where there are none."""

    def start(self, work: Coroutine[Any, Any, None]) -> Callable[[], object]:
        """Do it beside the caller if there is a beside, else now. What is returned ends it early."""

    def attend(self, work: Coroutine[Any, Any, None]) -> Callable[[], object]:
        """Do it beside the callers, for as long as it takes; where there is no loop, in a thread of its own.

        What is returned ends it. A thread ends when it next looks, so the work looks often.
        """

    def flights(self) -> "Flights":
        """Work that several callers need at once, done once."""

    async def together(self, works: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Do all of it, in any order."""

    async def finish(self, deadline: float) -> None:
        """Wait for what was started, and end what is not done by then."""

    def forget(self) -> None:
        """In a forked child: what was started goes on in the parent alone."""


def complete(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits only for blocking ports."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("a blocking port suspended")
