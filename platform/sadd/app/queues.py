"""The waiting rooms of one worker, put together: keys, engine, which rooms there are, ways in.

Whoever adds a way in adds its endpoints to ``endpoints``, what counts to ``show``, and what runs beside the
requests to ``work``.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from queueing.passes import PassOffice
from queueing.rooms import Rooms
from queueing.spent import SpentPasses
from queueing.ticket import TicketOffice
from queueing.valkey import ValkeyStore
from sadd.app.rotation import Rotation, pass_keys, ticket_keys
from sadd.catalogue.view import CatalogueView
from sadd.gate.door import Door
from sadd.postgres.pool import Pool
from sadd.rooms.holder import Holders
from sadd.rooms.registry import Registry
from sadd.rooms.store import CHANNEL
from sadd.rooms.view import RoomsView
from sadd.session.sessions import Sessions
from sadd.settings import Settings
from sadd.signing import CHANNEL as SIGNING_CHANNEL
from sadd.signing import SigningKeys
from sadd.telemetry.metrics import Metrics
from sadd.valkey.client import ValkeyClient
from sadd.web import queues, rooms
from sadd.web.endpoint import Endpoint
from sadd.web.visits import Visits


@dataclass(frozen=True, slots=True)
class Queues:
    """All that a worker has of waiting rooms."""

    rooms: Rooms
    passes: PassOffice
    specs: RoomsView
    visits: Visits
    registry: Registry
    pool: Pool
    authority: str
    rotation: Rotation
    door: Door
    """What the gate asks."""

    def endpoints(self) -> list[Endpoint]:
        return [
            *queues.endpoints(self.visits, self.passes),
            *rooms.endpoints(self.registry, self.specs, self.pool, authority=self.authority),
        ]

    def show(self, metrics: Metrics) -> None:
        """Register what is counted."""
        metrics.register("sadd_rooms", self.rooms.stats)
        metrics.register(
            "sadd_room_settings", self.specs.stats, gauges={"version": "max", "rooms": "max", "set": "max"}
        )

    def work(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs until the worker ends."""
        yield self.rotation.run()

    def changes(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Channels of the database, and what to do when one is notified."""
        yield CHANNEL, self.refresh
        yield SIGNING_CHANNEL, self.rotation.refresh

    async def refresh(self) -> None:
        """Other settings, or another catalogue."""
        await self.specs.refresh()


async def open_queues(
    valkey: ValkeyClient,
    pool: Pool,
    signing: SigningKeys,
    view: CatalogueView,
    sessions: Sessions,
    settings: Settings,
) -> Queues:
    """``view`` has its catalogue already. Raises what the stores raise when one is away."""
    passes = PassOffice(pass_keys(signing.queue_pass))
    tickets = TicketOffice(ticket_keys(signing.queue_ticket))
    rotation = Rotation(pool, signing, passes, tickets)
    engine = Rooms(ValkeyStore(valkey), tickets, passes)
    specs = RoomsView(pool, view)
    await specs.refresh()
    # The oldest secret in force: a newer one would make other holders of the same people.
    holders = Holders(signing.session_pepper[-1].secret)
    authority = settings.catalogue.authority
    visits = Visits(engine, specs, holders, sessions, authority=authority)
    registry = Registry(pool, specs, engine.status)
    door = Door(engine, specs, passes, SpentPasses(valkey), rooms_url=settings.gate.rooms_url)
    return Queues(engine, passes, specs, visits, registry, pool, authority, rotation, door)
