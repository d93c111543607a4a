"""Whether the service that asks may read another's session: only where their class declares it.

An agency's key may ask for all of its services; ``Sadd-Service`` says for which one it does, and holds it to
that. Without the field there is no question.
"""

from dataclasses import dataclass, field

from sadd.catalogue.model import Catalogue
from sadd.session.sharing import Sharing, only_of, shared_among
from sadd.web.protected import View, owned

SERVICE_HEADER = "Sadd-Service"


@dataclass(slots=True)
class Sharings:
    """Made once for each service and state of the catalogue."""

    view: View
    _of: Catalogue | None = None
    _known: dict[str, Sharing] = field(default_factory=dict)

    def of(self, agency: str, service: str | None) -> Sharing | None:
        """Problem: it is no service of the agency."""
        if service is None:
            return None
        catalogue = self.view.current
        if catalogue is not self._of:
            self._of, self._known = catalogue, {}
        owned(self.view, agency, service)
        known = self._known.get(service)
        if known is None:
            known = self._known[service] = _sharing(catalogue, service)
        return known


def _sharing(catalogue: Catalogue, service_id: str) -> Sharing:
    asking = catalogue.services[service_id]
    kind = asking.protection.session
    if kind is None or not catalogue.classes.sessions[kind].shared:
        return only_of(service_id)
    return shared_among(
        frozenset(
            other.id
            for other in catalogue.services.values()
            if other.agency == asking.agency and other.protection.session == kind
        )
    )
