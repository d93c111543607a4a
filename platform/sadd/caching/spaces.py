"""Which namespace is what: from a name of an agency, by the catalogue, to the space that the engine takes.

::

    moehe-results          a service of the agency: its class of caches
    shield-moehe-results   what the caching proxy keeps of that service's answers: the same class
    anything else          DEFAULT

The catalogue is asked at every call, so a change of a class holds from the next one on.
"""

from collections.abc import Mapping
from typing import Protocol

from cache.policy import Times
from cache.space import Space
from sadd.catalogue.model import CacheClass, Catalogue, Service

SHIELD = "shield-"
"""What the namespaces of the caching proxy begin with; nobody else reads or writes them."""

DEFAULT = CacheClass("default", ttl_seconds=300, jitter=0.0)
"""Of a namespace that no service stands behind. Nothing is drawn forward: its times are what was said."""

SPACES_MAX = 4_096
"""Spaces that a worker has at hand; a name that is invented for each call must not fill its memory."""


class View(Protocol):
    """What is asked of the catalogue's view."""

    @property
    def current(self) -> Catalogue: ...


class Spaces:
    """The spaces of one worker. Each is made once for a state of the catalogue."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._seen = view.current
        self._made: dict[tuple[str, str], Space] = {}

    def of(self, agency: str, namespace: str) -> Space:
        """The space of a name. ValueError: it cannot be one."""
        catalogue = self._view.current
        if catalogue is not self._seen:
            self._seen = catalogue
            self._made.clear()
        space = self._made.get((agency, namespace))
        if space is None:
            if len(self._made) >= SPACES_MAX:
                self._made.clear()
            space = space_of(agency, namespace, self.class_of(agency, namespace))
            self._made[agency, namespace] = space
        return space

    def class_of(self, agency: str, namespace: str) -> CacheClass:
        """What the catalogue says of a namespace; DEFAULT where it says nothing."""
        service = self.service_of(agency, namespace)
        if service is None or service.protection.cache is None:
            return DEFAULT
        return self._view.current.classes.caches[service.protection.cache]

    def times(self, agency: str, namespace: str) -> Times:
        """How long an entry lives of which nobody says it."""
        return times_of(self.class_of(agency, namespace))

    def service_of(self, agency: str, namespace: str) -> Service | None:
        """The agency's service that the namespace is called like."""
        service = self._view.current.services.get(namespace.removeprefix(SHIELD))
        return service if service is not None and service.agency == agency else None

    def is_of_nobody(self, agency: str, namespace: str) -> bool:
        """Called like the proxy's, but after no service of the agency: a slip of whoever wrote it."""
        return namespace.startswith(SHIELD) and self.service_of(agency, namespace) is None

    def bytes_max(self, agency: str, otherwise: int) -> int:
        """All that an agency may keep itself; ``otherwise`` where the catalogue does not say."""
        found = self._view.current.agencies.get(agency)
        return (found.cache_bytes_max if found is not None else 0) or otherwise

    def of_shield(self, agency: str | None) -> Mapping[str, str]:
        """The namespaces of the caching proxy, each with its agency; None is of all agencies."""
        services = self._view.current.services.values()
        return {
            SHIELD + one.id: one.agency
            for one in services
            if one.status != "retired" and one.protection.cache and agency in (None, one.agency)
        }


def space_of(agency: str, namespace: str, kept: CacheClass) -> Space:
    """What the engine takes. The proxy's entries make room for one another: it fetches again what went."""
    return Space(
        agency,
        namespace,
        bytes_max=kept.bytes_max,
        entries_max=kept.entries_max,
        body_bytes_max=kept.entry_bytes_max,
        evicts=kept.evicts or namespace.startswith(SHIELD),
        sealed=kept.sealed,
        compress_above_bytes=kept.compress_above_bytes or None,
        jitter=kept.jitter,
        lease_ms=kept.lease_seconds * 1_000,
        uncacheable_ms=kept.uncacheable_seconds * 1_000,
    )


def times_of(kept: CacheClass) -> Times:
    """The times of a class."""
    return Times.of_seconds(kept.ttl_seconds, kept.stale_seconds, kept.stale_error_seconds)
