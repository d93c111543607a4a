"""Limiter and sessions of one worker, on one store client, and what each of them counts.

The other services have more to them, and so have sessions: ``sadd.app.queues``, ``caching``, ``sessions``.
"""

import random
from dataclasses import dataclass

from ratelimit.holdings import ValkeyHoldings
from ratelimit.limiter import Limiter
from ratelimit.patience import Patient
from ratelimit.spread import Spread
from ratelimit.valkey import ValkeyStore as LimitStore
from sadd.session.sessions import Sessions
from sadd.telemetry.metrics import Metrics
from sadd.valkey.client import ValkeyClient


@dataclass(frozen=True, slots=True)
class Services:
    """The façades, ready to be called."""

    limiter: Limiter
    sessions: Sessions

    def show(self, metrics: Metrics) -> None:
        """Register what each of them counts."""
        by_policy = ("policy_allowed", "policy_refused", "policy_near", "policy_fallback")
        metrics.register(
            "sadd_limits",
            self.limiter.stats,
            gauges={"local_keys": "sum", "known_keys": "sum"},
            labels=dict.fromkeys(by_policy, "policy"),
        )
        metrics.register("sadd_sessions", self.sessions.stats, gauges={"owed": "sum"})


CLUSTER_SHARDS = 16
"""Slots over which a cluster spreads the keys of one policy, so that a popular one loads every node."""

ONE_TAG = "limits"
"""On a cluster the limits of one key share a slot by it, and are decided in one trip."""


def tag(*, clustered: bool) -> str:
    """The tag of every policy of rules."""
    return ONE_TAG if clustered else ""


def open_limiter(valkey: ValkeyClient, *, workers: int, clustered: bool) -> Limiter:
    """The engine. While the store is away, ``workers`` of this machine share each limit."""
    shards = CLUSTER_SHARDS if clustered else 1
    return Limiter(
        Patient(LimitStore(valkey, shards=shards)),
        holdings=ValkeyHoldings(valkey, shards=shards),
        holders=workers,
        spread=Spread(at=random.random()),  # noqa: S311  # no secret: workers must not begin alike
    )


def open_services(valkey: ValkeyClient, sessions: Sessions, *, workers: int, clustered: bool) -> Services:
    return Services(
        limiter=open_limiter(valkey, workers=workers, clustered=clustered),
        sessions=sessions,
    )
