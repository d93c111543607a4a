"""Limiter, cache and sessions of one worker, on one store client, and what each of them counts.

The fourth service, the waiting rooms, has more to it: ``sadd.app.queues``.
"""

import random
from dataclasses import dataclass

from cache.cache import Cache
from cache.valkey import ValkeyStore as CacheStore
from ratelimit.holdings import ValkeyHoldings
from ratelimit.limiter import Limiter
from ratelimit.patience import Patient
from ratelimit.spread import Spread
from ratelimit.valkey import ValkeyStore as LimitStore
from sadd.session.ids import Ids
from sadd.session.sessions import Sessions
from sadd.session.valkey import ValkeyStore as SessionStore
from sadd.signing import SigningKeys
from sadd.telemetry.metrics import Metrics
from sadd.valkey.client import ValkeyClient


@dataclass(frozen=True, slots=True)
class Services:
    """The façades, ready to be called."""

    limiter: Limiter
    cache: Cache
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
        metrics.register("sadd_cache", self.cache.stats)
        metrics.register("sadd_sessions", self.sessions.stats)


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


def open_services(valkey: ValkeyClient, signing: SigningKeys, *, workers: int, clustered: bool) -> Services:
    """All three on one client."""
    return Services(
        limiter=open_limiter(valkey, workers=workers, clustered=clustered),
        cache=Cache(CacheStore(valkey)),
        sessions=Sessions(SessionStore(valkey), Ids(signing.session_pepper[0].secret)),
    )
