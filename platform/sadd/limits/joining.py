"""Answers that come one by one, put together: of a batch, and of a request with rules on trial."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Joining(Generic[T]):
    """Hands over ``count`` values together and in order, when the last of them is there."""

    __slots__ = ("_done", "_missing", "_values")

    def __init__(self, count: int, done: Callable[[list[T]], None]) -> None:
        self._values: list[T] = [None] * count  # type: ignore[list-item]  # all are there when handed over
        self._missing = count
        self._done = done

    def put(self, place: int, value: T) -> None:
        self._values[place] = value
        self._missing -= 1
        if not self._missing:
            self._done(self._values)
