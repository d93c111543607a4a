"""The limits of one worker, put together: rules, desk, leases, and their endpoints."""

from pathlib import Path

from ratelimit.limiter import Limiter
from sadd.catalogue.view import CatalogueView
from sadd.limits.desk import Desk
from sadd.limits.leases import Leases
from sadd.limits.slots import Slots
from sadd.limits.top import Top
from sadd.limits.view import RulesView
from sadd.postgres.pool import Pool
from sadd.settings import Settings
from sadd.telemetry.metrics import Metrics
from sadd.web import limits, limits_counters, limits_leases, limits_operating
from sadd.web.endpoint import Endpoint


class Limits:
    """All that decides requests here. ``desk`` is what every way in asks."""

    def __init__(
        self, limiter: Limiter, view: CatalogueView, rules: RulesView, settings: Settings, slot: int
    ) -> None:
        self._authority = settings.catalogue.authority
        self.desk = Desk(limiter, view, rules, authority=self._authority)
        self.top = Top(limiter, Path(settings.data.dir) / "run" / "top", slot)
        self.leases = Leases(limiter, self.desk)
        self._limiter = limiter
        self._view = view
        self._rules = rules

    def endpoints(self, pool: Pool) -> list[Endpoint]:
        """In the order in which paths are tried: a counter's path would take those of leases and slots."""
        limiter, desk = self._limiter, self.desk
        return [
            *limits.endpoints(desk),
            *limits_leases.endpoints(self.leases, Slots(limiter, desk)),
            *limits_operating.endpoints(desk, self._view, self._rules, self.top, authority=self._authority),
            *limits_counters.endpoints(limiter, desk, pool),
        ]

    def show(self, metrics: Metrics) -> None:
        """Register what the rules count; what the engine counts is registered with the services."""
        metrics.register("sadd_rules", self._rules.stats, gauges={"version": "max", "rules": "max"})
