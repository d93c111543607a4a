"""Who judges all that join, and the connectors of other sites that send visitors, put together."""

import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from queueing.passes import PassOffice
from queueing.rooms import Rooms
from queueing.spent import SpentPasses
from queueing.ticket import TicketKeys
from queueing.work import Effort, WorkOffice
from ratelimit.limiter import Limiter
from sadd.catalogue.view import CatalogueView
from sadd.gate.trust import Trust
from sadd.postgres.pool import Pool
from sadd.queueit.store import CHANNEL
from sadd.queueit.view import ConnectionsView
from sadd.rooms.doorkeeper import Doorkeeper
from sadd.rooms.view import RoomsView
from sadd.settings import Gate
from sadd.signing import SigningKeys
from sadd.telemetry.metrics import Metrics
from sadd.web import challenge, queueit
from sadd.web.challenge import Address, Door
from sadd.web.endpoint import Endpoint
from sadd.web.queueit import QueueIt
from sadd.web.visits import Visits


@dataclass(frozen=True, slots=True)
class Welcome:
    """``door`` is what joins and claims pass by."""

    keeper: Doorkeeper
    door: Door
    address: Address

    def endpoints(self, specs: RoomsView) -> list[Endpoint]:
        return challenge.endpoints(self.door, specs)

    def show(self, metrics: Metrics) -> None:
        labels = {"judged": "verdict", "turns": "verdict", "refused": "reason"}
        metrics.register("sadd_door", self.keeper.stats, gauges={"bits": "max"}, labels=labels)


@dataclass(frozen=True, slots=True)
class Connectors:
    """Of Queue-it's."""

    queueit: QueueIt
    connections: ConnectionsView

    def endpoints(self) -> list[Endpoint]:
        return queueit.endpoints(self.queueit)

    def show(self, metrics: Metrics) -> None:
        metrics.register("sadd_queueit", self.queueit.stats, labels={"errors": "reason"})

    def changes(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        yield CHANNEL, self.connections.refresh


def open_welcome(limiter: Limiter, signing: SigningKeys, rooms: Rooms, gate: Gate) -> Welcome:
    """Challenges are signed with the oldest secret in force, which every worker knows; all are accepted."""
    known = signing.session_pepper
    keys = TicketKeys(known[-1].id, {key.id: key.secret for key in known})
    keeper = Doorkeeper(limiter, WorkOffice(keys, secrets.token_bytes), Effort())
    address = Address(Trust(gate.ranges), gate.client_ip_header)
    return Welcome(keeper, Door(keeper, rooms, address), address)


async def open_connectors(
    pool: Pool,
    view: CatalogueView,
    specs: RoomsView,
    visits: Visits,
    passes: PassOffice,
    spent: SpentPasses,
    address: Address,
) -> Connectors:
    """Raises what the database raises when it is away."""
    connections = ConnectionsView(pool)
    await connections.refresh()
    return Connectors(QueueIt(connections, specs, view, visits, passes, spent, address), connections)
