"""What a call is, and how it may end: a message, or a status of gRPC."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

OK = 0
CANCELLED = 1


class Code(IntEnum):
    """Statuses of gRPC (its doc/statuscodes.md): those that we send; UNKNOWN counts what is no call of it."""

    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


CODE_NAMES: dict[int, str] = {OK: "ok", CANCELLED: "cancelled", **{code: code.name.lower() for code in Code}}


@dataclass(frozen=True, slots=True)
class Status:
    """A call that ended without a message."""

    code: Code
    message: str


Result = bytes | Status
"""A serialised message, which is OK, or the status that stands in its place."""

Done = Callable[[Result], None]

Unary = Callable[[bytes, str, Done], None]
"""A method: takes the serialised request and its peer's address, and calls ``done`` once, at once or later.

``done`` never raises, and may be called after the client has gone. An exception is answered INTERNAL.
"""


class Method:
    """A method and how its calls ended. ``unary`` is None for the one that stands for all unknown names."""

    __slots__ = ("ended", "name", "unary")

    def __init__(self, name: str, unary: Unary | None) -> None:
        self.name = name
        self.unary = unary
        self.ended = [0] * 17
        """Calls by status; they are answered, but not all answers were received."""
