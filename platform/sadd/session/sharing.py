"""Which service may read another's sessions: of one agency, and only where the catalogue declares it."""

from collections.abc import Callable

Sharing = Callable[[str], bool]
"""Whether who asks may read a session of that service."""


def only_of(service: str) -> Sharing:
    """A service reads its own sessions."""
    return lambda owner: owner == service


def shared_among(services: frozenset[str]) -> Sharing:
    """One of several that share, as their class declares."""
    return lambda owner: owner in services
