"""The waiting rooms of one worker, put together: keys, engine, which rooms there are, ways in.

Whoever adds a way in adds its endpoints to ``endpoints``, what counts to ``show``, and what runs beside the
requests to ``work``.
"""

import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog

from queueing.draw.draws import Draws
from queueing.draw.receipt import ReceiptOffice
from queueing.draw.rooms import EventRooms
from queueing.health import Health
from queueing.history import History
from queueing.leader import Leader, Note
from queueing.outflow import Observed, Step
from queueing.passes import InvalidPass, PassOffice
from queueing.policy import Room
from queueing.postgres import PostgresLedger
from queueing.recorder import Recorder
from queueing.rooms import Rooms
from queueing.spent import SpentPasses
from queueing.store import StoreUnavailable
from queueing.ticket import TicketOffice
from queueing.valkey import ValkeyStore
from ratelimit.limiter import Limiter
from sadd.app.draws import DrawKeeper, open_draws
from sadd.app.operating import Operating
from sadd.app.rotation import Rotation, pass_keys, ticket_keys
from sadd.app.welcome import Connectors, Welcome, open_connectors, open_welcome
from sadd.catalogue.view import CatalogueView
from sadd.gate import entries
from sadd.gate.door import Door
from sadd.gate.exchange import Exchange
from sadd.postgres.pool import AWAY, Pool
from sadd.rooms.activity import Activities
from sadd.rooms.announcer import Announcer
from sadd.rooms.arrivals import Arrivals
from sadd.rooms.holder import Holders
from sadd.rooms.invited import Invited
from sadd.rooms.registry import Registry
from sadd.rooms.store import CHANNEL
from sadd.rooms.view import RoomsView
from sadd.session.sessions import Sessions
from sadd.settings import Settings
from sadd.signing import CHANNEL as SIGNING_CHANNEL
from sadd.signing import SigningKeys
from sadd.telemetry.metrics import Metrics
from sadd.valkey.client import ValkeyClient
from sadd.web import draws as draw_documents
from sadd.web import feedback, queues, rooms, rooms_invited, webhooks
from sadd.web.draw_page import endpoints as draw_page
from sadd.web.endpoint import Endpoint
from sadd.web.operator.desk import Desk
from sadd.web.queue_events import Events
from sadd.web.room_page import endpoints as room_page
from sadd.web.room_page.page import RoomPage
from sadd.web.visits import Visits
from sadd.web.webhook_sender import Sender

log = structlog.get_logger("sadd.app")


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
    exchange: Exchange
    spent: SpentPasses
    events: Events
    activities: Activities
    announcer: Announcer
    sender: Sender
    webhooks_to_loopback: bool
    leader: Leader
    welcome: Welcome
    connectors: Connectors
    view: CatalogueView
    pages: RoomPage
    draws: Draws
    draw_keeper: DrawKeeper
    rooms_url: str
    """Where visitors reach the rooms' pages; empty: at the host that they ask."""
    operating: Operating
    """The operator's page; its endpoints want the keys too."""

    def endpoints(self) -> list[Endpoint]:
        return [
            *queues.endpoints(self.visits, self.passes),
            *rooms.endpoints(self.registry, self.specs, self.pool, authority=self.authority),
            *feedback.endpoints(self.visits, self.passes, self.spent, self.authority),
            *entries.endpoints(self.exchange, self.specs),
            *self.events.endpoints(),
            *webhooks.endpoints(
                self.pool, self.specs, authority=self.authority, to_loopback=self.webhooks_to_loopback
            ),
            *room_page.endpoints(self.pages, self.visits, self.view, rooms_url=self.rooms_url),
            *draw_documents.endpoints(self.draws, self.specs, authority=self.authority),
            *draw_page.endpoints(self.draws, self.specs),
            *self.welcome.endpoints(self.specs),
            *self.connectors.endpoints(),
        ]

    def show(self, metrics: Metrics) -> None:
        """Register what is counted."""
        metrics.register("sadd_rooms", self.rooms.stats)
        metrics.register("sadd_webhooks", self.sender.stats)
        metrics.register("sadd_room_events", self.events.stats, gauges={"open": "sum"})
        metrics.register("sadd_queue_leader", self.leader.stats, gauges={"leading": "sum", "epoch": "max"})
        metrics.register("sadd_room_pages", self.pages.stats)
        self.draw_keeper.show(metrics)
        self.welcome.show(metrics)
        self.connectors.show(metrics)
        self.operating.show(metrics)
        metrics.register(
            "sadd_room_settings", self.specs.stats, gauges={"version": "max", "rooms": "max", "set": "max"}
        )

    def work(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs until the worker ends."""
        yield self.rotation.run()
        yield self.leader.run()
        yield self.draw_keeper.run()
        yield self.activities.run()
        yield self.announcer.run()
        yield self.sender.run()
        yield from self.operating.work()

    def changes(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Channels of the database, and what to do when one is notified."""
        yield CHANNEL, self.refresh
        yield SIGNING_CHANNEL, self.rotation.refresh
        yield from self.draw_keeper.changes()
        yield from self.connectors.changes()
        yield from self.operating.changes()

    def stay_of(self, service: str, shown: str) -> str:
        """What names the slot of who shows an entry to the service, or a pass. Raises InvalidPass."""
        spec = self.specs.of_service(service)
        if spec is None:
            raise InvalidPass
        try:
            held = self.passes.read_entry(shown, spec.id, service)
        except InvalidPass:
            held = self.passes.read(shown, spec.id, service)
        return f"{spec.id} {held.id}"

    async def left(self, stay: str) -> None:
        """A session with this stay was ended: its slot is free, without a store when the pass ends."""
        room, _, pass_id = stay.partition(" ")
        spec = self.specs.current.get(room)
        if spec is None:
            return
        try:
            await self.rooms.end(spec.room, pass_id)
        except StoreUnavailable as away:
            log.warning("a slot is not free before its pass ends", room=room, reason=str(away))

    async def refresh(self) -> None:
        """Other settings, or another catalogue."""
        await self.specs.refresh()


@dataclass(frozen=True, slots=True)
class _Engine:
    """The rooms on both stores, and what else stands on these."""

    rooms: EventRooms
    passes: PassOffice
    draws: Draws
    rotation: Rotation
    store: ValkeyStore
    ledger: PostgresLedger

    def leader(self, specs: RoomsView, note: Note) -> Leader:
        """Of this worker, should it lead."""

        def held() -> list[Room]:
            return [self.rooms.held(spec.room) for spec in specs.current.values()]

        name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        return Leader(held, self.store, self.ledger, holder=name, note=note)


async def _open_engine(valkey: ValkeyClient, pool: Pool, signing: SigningKeys) -> _Engine:
    passes = PassOffice(pass_keys(signing.queue_pass))
    tickets = TicketOffice(ticket_keys(signing.queue_ticket))
    receipts = ReceiptOffice(ticket_keys(signing.queue_ticket))
    # Two statements that waited for each other: the one that was ended had no effect, and is asked again.
    store, ledger = ValkeyStore(valkey), PostgresLedger(pool, (*AWAY, asyncpg.TransactionRollbackError))
    draws = await open_draws(pool)
    rooms = EventRooms(store, tickets, passes, ledger, draws, receipts)
    rotation = Rotation(pool, signing, passes, tickets, receipts)
    return _Engine(rooms, passes, draws, rotation, store, ledger)


async def open_queues(
    valkey: ValkeyClient,
    pool: Pool,
    signing: SigningKeys,
    view: CatalogueView,
    sessions: Sessions,
    limiter: Limiter,
    settings: Settings,
) -> Queues:
    """``view`` has its catalogue already. Raises what the stores raise when one is away."""
    opened = await _open_engine(valkey, pool, signing)
    engine, passes = opened.rooms, opened.passes
    specs = RoomsView(pool, view)
    await specs.refresh()
    history = History(valkey)
    recorder = Recorder(history)
    notes: list[Note] = [recorder.note]
    leader = opened.leader(specs, _each(notes))
    arrivals = Arrivals(valkey)
    activities = Activities(valkey, specs, arrivals, lambda: leader.epoch is not None)
    notes.append(activities.note)
    # The oldest secret in force: a newer one would make other holders of the same people.
    holders = Holders(signing.session_pepper[-1].secret)
    authority = settings.catalogue.authority
    welcome = open_welcome(limiter, signing, engine, settings.gate)
    invited = Invited(pool)
    await invited.refresh()
    visits = Visits(engine, specs, holders, sessions, door=welcome.door, lists=invited, authority=authority)
    registry = Registry(pool, specs, engine.status)
    spent = SpentPasses(valkey)
    exchange = Exchange(passes, spent, engine)
    door = Door(specs, passes, exchange, rooms_url=settings.gate.rooms_url, came=arrivals.note)
    events = Events(visits, settings.queues.events_max)
    connectors = await open_connectors(pool, view, specs, visits, passes, spent, welcome.address)
    return Queues(
        rooms=engine,
        passes=passes,
        specs=specs,
        visits=visits,
        registry=registry,
        pool=pool,
        authority=authority,
        rotation=opened.rotation,
        door=door,
        exchange=exchange,
        spent=spent,
        events=events,
        activities=activities,
        announcer=Announcer(pool, specs, engine.status),
        sender=Sender(pool, to_loopback=settings.queues.webhooks_to_loopback),
        webhooks_to_loopback=settings.queues.webhooks_to_loopback,
        leader=leader,
        welcome=welcome,
        connectors=connectors,
        view=view,
        pages=RoomPage(),
        draws=opened.draws,
        draw_keeper=DrawKeeper(opened.draws, specs, settings.queues.beacon_url),
        rooms_url=settings.gate.rooms_url,
        operating=Operating(
            recorder,
            invited,
            Desk(specs, registry, engine, history, pool, authority),
            rooms_invited.endpoints(invited, holders, specs, authority=authority),
            sessions,
            limiter,
            welcome.address,
        ),
    )


def _each(notes: list[Note]) -> Note:
    """Tell all of them, those too that come later."""

    def note(room: Room, seen: Observed, step: Step, health: Health | None, epoch: int) -> None:
        for one in notes:
            one(room, seen, step, health, epoch)

    return note
