"""The limit that a service has from its class in the catalogue, before any rule."""

from functools import lru_cache

from ratelimit.policy import Policy
from sadd.catalogue.model import Catalogue, LimitClass, Service


def limit_of(catalogue: Catalogue, service: Service) -> Policy:
    """The policy of the service's class. Its id is the service's, so each service counts for itself."""
    return _policy(service.id, catalogue.classes.limits[service.protection.limits])


@lru_cache(maxsize=4096)
def _policy(service_id: str, limits: LimitClass) -> Policy:
    return Policy(service_id, limits.limit, limits.period_seconds, limits.burst, limits.on_store_loss)
