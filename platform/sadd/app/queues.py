"""The waiting rooms of one worker, put together: keys, engine, which rooms there are, ways in.

Whoever adds a way in adds its endpoints to ``endpoints``, what counts to ``show``, and what runs beside the
requests to ``work``.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from queueing.passes import PassKey, PassOffice
from queueing.rooms import Rooms
from queueing.ticket import TicketKeys, TicketOffice
from queueing.valkey import ValkeyStore
from sadd.catalogue.view import CatalogueView
from sadd.postgres.pool import Pool
from sadd.rooms.holder import Holders
from sadd.rooms.store import CHANNEL
from sadd.rooms.view import RoomsView
from sadd.session.sessions import Sessions
from sadd.settings import Settings
from sadd.signing import SigningKeys
from sadd.telemetry.metrics import Metrics
from sadd.valkey.client import ValkeyClient
from sadd.web import queues
from sadd.web.endpoint import Endpoint
from sadd.web.visits import Visits


@dataclass(frozen=True, slots=True)
class Queues:
    """All that a worker has of waiting rooms."""

    rooms: Rooms
    passes: PassOffice
    specs: RoomsView
    visits: Visits

    def endpoints(self) -> list[Endpoint]:
        return [*queues.endpoints(self.visits, self.passes)]

    def show(self, metrics: Metrics) -> None:
        """Register what is counted."""
        metrics.register("sadd_rooms", self.rooms.stats)
        metrics.register(
            "sadd_room_settings", self.specs.stats, gauges={"version": "max", "rooms": "max", "set": "max"}
        )

    def work(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs until the worker ends."""
        yield from ()

    def changes(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Channels of the database, and what to do when one is notified."""
        yield CHANNEL, self.refresh

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
    passes = PassOffice([PassKey(key.id, key.secret) for key in signing.queue_pass])
    tickets = TicketOffice(
        TicketKeys(signing.queue_ticket[0].id, {key.id: key.secret for key in signing.queue_ticket})
    )
    rooms = Rooms(ValkeyStore(valkey), tickets, passes)
    specs = RoomsView(pool, view)
    await specs.refresh()
    # The oldest secret in force: a newer one would make other holders of the same people.
    holders = Holders(signing.session_pepper[-1].secret)
    visits = Visits(rooms, specs, holders, sessions, authority=settings.catalogue.authority)
    return Queues(rooms, passes, specs, visits)
