"""What protects a service: from its entry in the catalogue to the values that room, cache and sessions take.

The catalogue is asked at every request, so a change of a class holds from the next one on.
"""

from functools import lru_cache
from typing import Protocol

from cache.policy import Times
from queueing.policy import ACTIVE_CAP_MAX, OUTFLOW_PER_MINUTE_MAX, Room
from sadd.catalogue.model import Catalogue, QueueClass, Service
from sadd.session.policy import SessionPolicy
from sadd.web.problem import Problem


class View(Protocol):
    """What is asked of the catalogue's view."""

    @property
    def current(self) -> Catalogue: ...


def owned(view: View, agency: str, service_id: str) -> Service:
    """The agency's own service. Problem: unknown, retired and another agency's, all alike."""
    service = view.current.services.get(service_id)
    if service is None or service.agency != agency or service.status == "retired":
        raise unknown_service(service_id)
    return service


def room_of(view: View, room_id: str) -> Room:
    """The room of a service. Rooms are public, so anyone's. Problem: no such room."""
    service = view.current.services.get(room_id)
    if service is None or service.status == "retired" or service.protection.queue is None:
        raise Problem(404, "unknown-room", "There is no such waiting room.")
    return _room(service, view.current.classes.queues[service.protection.queue])


def session_policy_of(view: View, service: Service) -> SessionPolicy:
    """Problem: the service has no class of sessions."""
    if service.protection.session is None:
        detail = f"{service.id} has no class of sessions in the catalogue."
        raise Problem(422, "no-sessions", "The service keeps no sessions.", detail)
    times = view.current.classes.sessions[service.protection.session]
    return SessionPolicy(times.idle_seconds * 1000, times.absolute_seconds * 1000)


def cache_times_of(view: View, agency: str, namespace: str, default: Times) -> Times:
    """The times of a namespace that is called like a service of the agency; ``default`` for any other."""
    service = view.current.services.get(namespace)
    if service is None or service.agency != agency or service.protection.cache is None:
        return default
    kept = view.current.classes.caches[service.protection.cache]
    return Times.of_seconds(kept.ttl_seconds, kept.stale_seconds)


def unknown_service(service_id: str) -> Problem:
    detail = f"Your agency has no service {service_id!r}."
    return Problem(404, "unknown-service", "There is no such service.", detail)


@lru_cache(maxsize=4096)
def _room(service: Service, queue: QueueClass) -> Room:
    """The class's shares of what this service's origin bears; at least one visitor of each."""
    capacity = service.capacity
    outflow = int(queue.outflow_share * capacity.requests_per_second * 60)
    active = int(queue.active_share * capacity.concurrent_users)
    return Room(
        id=service.id,
        outflow_per_minute=min(max(outflow, 1), OUTFLOW_PER_MINUTE_MAX),
        active_cap=min(max(active, 1), ACTIVE_CAP_MAX),
        claim_window_ms=queue.claim_window_seconds * 1000,
        pass_ms=queue.pass_seconds * 1000,
    )
