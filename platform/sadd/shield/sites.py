"""Which service a request is for, by its host; made once for each state of the catalogue.

Origins come from the catalogue alone: nothing in a request can name another (no SSRF).
"""

from dataclasses import dataclass
from typing import Protocol

from sadd.catalogue.model import CacheClass, Catalogue, Service
from sadd.settings import Shield as Settings
from sadd.shield.pool import Pool, address_of

LOCAL = b".localhost"
"""Behind a service's id: a name that every browser looks for on its own machine, to try things."""


class View(Protocol):
    """What is asked of the catalogue's view."""

    @property
    def current(self) -> Catalogue: ...


@dataclass(frozen=True, slots=True)
class Site:
    """A service as the shield serves it."""

    service: Service
    pool: Pool
    rules: CacheClass | None
    """None: nothing is kept."""

    def is_public(self, path: bytes) -> bool:
        """One answer for everybody, whoever is signed in: so it needs no leave either, once it is here."""
        if self.rules is None:
            return False
        text = path.decode("latin-1")
        return any(_matches(route, text) for route in self.rules.public_routes)


class Sites:
    """Of one worker, which has its share of what each origin bears."""

    def __init__(self, view: View, settings: Settings, *, workers: int) -> None:
        self._view = view
        self._settings = settings
        self._workers = max(workers, 1)
        self._made_of: Catalogue | None = None
        self._by_host: dict[bytes, Site] = {}
        self.pools: dict[str, Pool] = {}

    def of(self, host: bytes) -> Site | None:
        """None: no service of ours, or a retired one."""
        if self._made_of is not self._view.current:
            self._make(self._view.current)
        return self._by_host.get(host)

    @property
    def state(self) -> Catalogue:
        """What was looked at: who remembers a site forgets it when this changes."""
        return self._view.current

    def close(self) -> None:
        for pool in self.pools.values():
            pool.close()

    def _make(self, catalogue: Catalogue) -> None:
        before, self.pools = self.pools, {}
        by_host: dict[bytes, Site] = {}
        for service in catalogue.services.values():
            if service.status == "retired":
                continue
            pool = self._pool(service, before)
            protection = service.protection.cache
            rules = catalogue.classes.caches.get(protection) if protection else None
            site = Site(service, pool, rules)
            name = service.id.encode()
            for host in (name, name + LOCAL, *(host.encode() for host in service.hosts)):
                by_host.setdefault(host, site)
        for gone in before.values():
            if gone not in self.pools.values():
                gone.close()
        self._by_host, self._made_of = by_host, catalogue

    def _pool(self, service: Service, before: dict[str, Pool]) -> Pool:
        """The one that it had, while its origin and capacity stay: its connections are counted there."""
        address = address_of(service.origin)
        cap = max(1, service.capacity.concurrent_users // self._workers)
        pool = before.get(service.id)
        if pool is None or pool.address != address:
            pool = Pool(address, cap, connect_seconds=self._settings.connect_timeout_seconds)
        pool.cap = cap
        self.pools[service.id] = pool
        return pool


def _matches(route: str, path: str) -> bool:
    """``/a/*`` is all below ``/a/``; any other route is itself alone."""
    return path.startswith(route[:-1]) if route.endswith("/*") else path == route
