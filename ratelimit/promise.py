"""A callback's answer as a future's, for those who await."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


def promised(ask: Callable[[Callable[[T | Exception], None]], object]) -> "asyncio.Future[T]":
    """Calls ``ask`` with a ``done`` that settles the future. Who gives up cancels it and harms nobody."""
    answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    ask(partial(_settle, answer))
    return answer


def _settle(answer: "asyncio.Future[T]", value: T | Exception) -> None:
    if answer.done():
        return
    if isinstance(value, Exception):
        answer.set_exception(value)
    else:
        answer.set_result(value)
