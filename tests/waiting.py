"""Wait for a fact instead of sleeping: poll a condition until it holds or a deadline passes."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

POLL_SECONDS = 0.01
PATIENCE_SECONDS = 60.0
"""So long may a loaded machine take for anything. How fast something is shows a benchmark, no test."""
NOT_YET = (AssertionError, OSError)  # a condition may assert, or connect to what is not up yet


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]], deadline_seconds: float = PATIENCE_SECONDS
) -> T: ...


@overload
async def eventually(condition: Callable[[], T], deadline_seconds: float = PATIENCE_SECONDS) -> T: ...


async def eventually(condition: Callable[[], Any], deadline_seconds: float = PATIENCE_SECONDS) -> Any:
    """The first truthy value of `condition`, plain or async. AssertionError once the deadline has passed."""
    until = time.monotonic() + deadline_seconds
    while True:
        failure: BaseException | None = None
        try:
            value = condition()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value
        except NOT_YET as error:
            failure = error
        if time.monotonic() > until:
            raise AssertionError(f"not true within {deadline_seconds} s") from failure
        await asyncio.sleep(POLL_SECONDS)


def eventually_sync(condition: Callable[[], T], deadline_seconds: float = PATIENCE_SECONDS) -> T:
    """The same for a test without an event loop."""
    until = time.monotonic() + deadline_seconds
    while True:
        failure: BaseException | None = None
        try:
            if value := condition():
                return value
        except NOT_YET as error:
            failure = error
        if time.monotonic() > until:
            raise AssertionError(f"not true within {deadline_seconds} s") from failure
        time.sleep(POLL_SECONDS)
