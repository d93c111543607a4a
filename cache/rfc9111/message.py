"""A request and an answer, as far as a cache looks at them."""

from dataclasses import dataclass

from cache.rfc9111.fields import Fields


@dataclass(frozen=True, slots=True)
class Request:
    method: bytes
    target: bytes
    """Path and query, as the origin gets them."""
    fields: Fields = ()
    personal: bool = False
    """The answer could be this visitor's own: nothing is kept of it, and nothing kept is shown."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    fields: Fields
    asked_ms: int
    """When its request was sent, and when its head came: the shield's clock, since the epoch."""
    came_ms: int
