"""How an endpoint is served on the lane: two functions, one that asks and one that words the answer.

To put an endpoint on the lane, give its ``Endpoint`` a ``lane=LaneEndpoint(ask, tell)`` whose functions
are those that its aiohttp handler calls too. Nothing else may differ between the two ways.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from multidict import CIMultiDict

from sadd.identity.caller import Caller


class Question(Protocol):
    """What ``ask`` may know of a request. It is complete, in bounds, authenticated and decoded."""

    @property
    def agency(self) -> str:
        """The caller's. Only for endpoints that have a scope."""

    @property
    def body(self) -> Any:
        """An instance of the struct that the endpoint names as its body, else None."""

    @property
    def parameter(self) -> str:
        """What the path has for the endpoint's parameter; empty if it has none.

        Of two that end the path (``/{namespace}/{key:.+}``): both, as they stand there.
        """

    @property
    def caller(self) -> Caller | None:
        """None on public endpoints that were called without a key."""

    @property
    def method(self) -> str: ...

    @property
    def headers(self) -> CIMultiDict[str]:
        """The request's fields. Made at each look."""

    def field(self, name: bytes) -> str | None:
        """One of them, by its name in small letters; there is none twice. Cheaper than all of them."""

    @property
    def peer(self) -> str:
        """The address that called."""


Told = tuple[bytes, str]
"""A 200: its JSON body, and header lines besides those that every answer carries, each with its CRLF."""


@dataclass(frozen=True, slots=True)
class LaneEndpoint:
    """``ask(question, done)`` calls ``done`` once with the result, at once or later, from the event loop.

    ``tell`` turns the result into the answer. What either raises is answered as it is for a handler: a
    Problem as such, anything else as a fault of ours.
    """

    ask: Callable[[Question, Callable[[Any], None]], None]
    tell: Callable[[Any], Told]
    cache_control: str | None = "no-store"
    """The field of every answer; None: ``tell`` has it among its lines where there is one."""
    media_type: str | None = "application/json"
    """None: the answers have no body."""
    taken: frozenset[str] = frozenset()
    """What may stand for the last of two parameters that end the path, and is another endpoint's."""
