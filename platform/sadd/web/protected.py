"""What protects a service: from its entry in the catalogue to the values that sessions take.

The catalogue is asked at every request, so a change of a class holds from the next one on.
"""

from typing import Protocol

from sadd.catalogue.model import Catalogue, Service
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


def session_policy_of(view: View, service: Service) -> SessionPolicy:
    """Problem: the service has no class of sessions."""
    if service.protection.session is None:
        detail = f"{service.id} has no class of sessions in the catalogue."
        raise Problem(422, "no-sessions", "The service keeps no sessions.", detail)
    kept = view.current.classes.sessions[service.protection.session]
    return SessionPolicy(
        kept.idle_seconds * 1000,
        kept.absolute_seconds * 1000,
        profile=kept.profile,
        durable=kept.durable,
        parallel_max=kept.parallel_max,
        when_full=kept.when_full,
        grace_ms=kept.grace_seconds * 1000,
        network_max=kept.network_max,
    )


def unknown_service(service_id: str) -> Problem:
    detail = f"Your agency has no service {service_id!r}."
    return Problem(404, "unknown-service", "There is no such service.", detail)
