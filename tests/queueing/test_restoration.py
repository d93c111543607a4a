"""Rooms whose store is lost, goes back in time, or is another one: what visitors were told stays true."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from queueing.leader import Leader
from queueing.passes import PassOffice
from queueing.policy import Lane, Room
from queueing.restoration import QUIET_S
from queueing.rooms import Rooms
from queueing.standing import Standing
from queueing.store import StoreUnavailable
from queueing.ticket import TicketOffice
from queueing.valkey import ValkeyStore
from sadd.valkey.client import ValkeyClient
from tests.queueing.ledger import PlainLedger
from tests.stores import StoppableValkey, connected, stoppable_valkey
from tests.waiting import eventually

ROOM = Room("survives", 60_000, 3, 2_000, 600_000, lanes=(Lane("vip", 0.2),), second_chance=False)


@dataclass
class Told:
    """What the visitors were told; no part of it may ever turn out wrong."""

    numbers: dict[tuple[str, int], str] = field(default_factory=dict)
    """Lane and number to ticket."""
    passes: dict[str, str] = field(default_factory=dict)
    """Ticket to the pass in force."""
    called: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    """They left, or asked to and were not answered."""

    def take(self, standing: Standing, *, fresh: bool = False) -> None:
        place, ticket = (standing.lane, standing.number), standing.ticket
        assert not (fresh and place in self.numbers), "a number was given out twice"
        assert self.numbers.setdefault(place, ticket) == ticket, "another ticket for one place"
        if ticket in self.gone:
            return
        if standing.admission is None:
            assert ticket not in self.passes, "a pass was taken back"
            # A turn of one's own goes with the store: he is called again in the next step.
            lost = standing.state == "waiting" and standing.position > 1
            assert not (lost and ticket in self.called), "a turn was taken back"
        else:
            assert self.passes.setdefault(ticket, standing.admission) == standing.admission, "a second pass"
            assert len(self.passes) <= ROOM.active_cap, "more passes in force than the cap"
        if standing.state == "called":
            self.called.add(ticket)

    def leave(self, ticket: str, *, answered: bool) -> None:
        self.gone.add(ticket)
        if answered:
            self.passes.pop(ticket, None)


@dataclass
class World:
    """Two workers, each with a client of its own; either may lead."""

    server: StoppableValkey
    ledger: PlainLedger
    clients: list[ValkeyClient]
    rooms: list[Rooms]
    leaders: list[Leader]
    now_s: float = 0.0

    async def tick(self, which: int) -> None:
        """A step of the leader, whoever that is by now."""
        self.now_s += 1.0
        for leader in self.leaders:
            await leader.renew()
        await self.leaders[which].tick()

    async def lose(self, dice: random.Random, folder: Path) -> None:
        """The store is emptied, saved, restarted empty or from what was saved; or the leader is lost."""
        match dice.choice(["flush", "save", "empty", "saved", "leader"]):
            case "flush":
                with redis.Redis(unix_socket_path=str(folder / "valkey.sock")) as client:
                    client.flushall()
            case "save":
                with redis.Redis(unix_socket_path=str(folder / "valkey.sock")) as client:
                    client.save()
            case "leader":
                self.ledger.leader = ("", self.ledger.leader[1] if self.ledger.leader else 0)
            case restarted:
                self.server.stop()
                if restarted == "empty":
                    (folder / "dump.rdb").unlink(missing_ok=True)
                self.server.start()
                for client in self.clients:
                    await eventually(partial(_well, client))


async def _well(client: ValkeyClient) -> bool:
    await client.probe()
    return True


@asynccontextmanager
async def world(server: StoppableValkey, tickets: TicketOffice, passes: PassOffice) -> AsyncIterator[World]:
    async with connected(server.url) as one, connected(server.url) as two:
        ledger, clients = PlainLedger(), [one, two]
        stores = [ValkeyStore(client) for client in clients]
        made = World(server, ledger, clients, [], [])
        made.rooms = [Rooms(store, tickets, passes, ledger, clock=lambda: made.now_s) for store in stores]
        made.leaders = [
            Leader(lambda: [ROOM], store, ledger, holder=f"worker-{at}", clock=lambda: made.now_s)
            for at, store in enumerate(stores)
        ]
        yield made


ACTIONS = ["join"] * 4 + ["claim"] * 6 + ["twice"] * 2 + ["tick"] * 4
ACTIONS += ["leave", "standing", "resume", "return"]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=10)
def test_what_was_told_stays_true(
    tmp_path_factory: pytest.TempPathFactory, tickets: TicketOffice, passes: PassOffice, seed: int
) -> None:
    """Whatever visitors do while the store is lost and the journal refuses.

    No number twice, no pass without a place, no two passes for one ticket, never more in force than the cap,
    and whoever was called or admitted is so afterwards; places keep their order.
    """
    folder = tmp_path_factory.mktemp("lost")

    async def play() -> None:
        with stoppable_valkey(folder) as server:
            async with world(server, tickets, passes) as scene:
                dice, told = random.Random(seed), Told()
                for _ in range(60):
                    scene.ledger.away = dice.random() < 0.15
                    await act(scene, told, dice)
                    if dice.random() < 0.08:
                        await scene.lose(dice, folder)
                scene.ledger.away = False
                await settled(scene, told)

    asyncio.run(play())


async def act(scene: World, told: Told, dice: random.Random) -> None:
    """One thing that happens, or several at once; refusals are fine, wrong answers are not."""
    action, worker = dice.choice(ACTIONS), dice.randrange(2)
    rooms = scene.rooms[worker]
    if action == "tick":
        await scene.tick(worker)
        return
    if action == "join":
        joins = [rooms.join(ROOM, lane=dice.choice(["", "", "vip"])) for _ in range(dice.randint(1, 4))]
        for standing in await answered(*joins):
            told.take(standing, fresh=True)
        return
    if not told.numbers:
        return
    ticket = dice.choice(list(told.numbers.values()))
    if action == "leave":
        # Who leaves while he waits is called in vain, and his window is real time.
        if ticket in told.passes or ticket in told.called:
            told.leave(ticket, answered=bool(await answered(rooms.leave(ROOM, ticket))))
        return
    for each in scene.rooms if action == "twice" else [rooms]:
        for standing in await answered(asked(each, action, ticket)):
            told.take(standing)


def asked(rooms: Rooms, action: str, ticket: str) -> Awaitable[Standing]:
    match action:
        case "standing":
            return rooms.standing(ROOM, ticket)
        case "resume":
            return rooms.resume(ROOM, rooms.resume_code(ROOM, ticket))
        case "return":
            return rooms.join(ROOM, ticket)
    return rooms.claim(ROOM, ticket)


async def answered(*calls: Awaitable[Standing]) -> list[Standing]:
    """The answers; that the store or the journal is away is none."""
    found = await asyncio.gather(*calls, return_exceptions=True)
    wrong = [each for each in found if isinstance(each, BaseException)]
    for each in wrong:
        if not isinstance(each, StoreUnavailable):
            raise each
    return [each for each in found if isinstance(each, Standing)]


async def settled(scene: World, told: Told) -> None:
    """With everything back: all that was told holds, at both workers, and the line moves on to its end."""
    for ticket in list(told.gone):
        await scene.rooms[0].leave(ROOM, ticket)
        told.leave(ticket, answered=True)
    for ticket in told.numbers.values():
        for each in scene.rooms:
            told.take(await each.claim(ROOM, ticket))
    waiting = [ticket for ticket in told.numbers.values() if ticket not in told.gone]

    async def served() -> bool:
        """Whoever is called claims and leaves; who missed his window meanwhile is out."""
        await scene.tick(0)
        for ticket in list(waiting):
            standing = await scene.rooms[0].claim(ROOM, ticket)
            told.take(standing)
            if standing.admission is not None:
                told.leave(ticket, answered=bool(await answered(scene.rooms[0].leave(ROOM, ticket))))
            if standing.admission is not None or standing.state == "expired":
                waiting.remove(ticket)
        return not waiting

    await eventually(served)


# -- what a visitor sees --------------------------------------------------------------------------------


async def test_a_store_that_lost_everything_loses_nobody(
    own_valkey: StoppableValkey, tickets: TicketOffice, passes: PassOffice
) -> None:
    """Same numbers, same positions, same pass; new numbers go on above all that were given out."""
    room = replace(ROOM, active_cap=1)
    async with connected(own_valkey.url) as client:
        ledger = PlainLedger()
        rooms = Rooms(ValkeyStore(client), tickets, passes, ledger, clock=lambda: 0.0)
        before = [await rooms.join(room) for _ in range(40)]
        own_valkey.stop()
        own_valkey.start()
        await eventually(partial(_well, client))
        rooms = Rooms(ValkeyStore(client), tickets, passes, ledger)
        assert (await rooms.claim(room, before[0].ticket)).admission == before[0].admission
        for standing in before[1:]:
            after = await rooms.join(room, standing.ticket)
            assert (after.ticket, after.position) == (standing.ticket, standing.position)
        assert (await rooms.join(room)).number > 40
        assert rooms.stats().restored == 1


async def test_a_crowd_that_finds_a_foreign_store_restores_it_once(
    own_valkey: StoppableValkey, tickets: TicketOffice, passes: PassOffice
) -> None:
    """Two hundred calls at once, of two workers: one restoration a life."""
    async with connected(own_valkey.url) as one, connected(own_valkey.url) as two:
        ledger = PlainLedger()
        rooms = [Rooms(ValkeyStore(client), tickets, passes, ledger) for client in (one, two)]
        await asyncio.gather(*(rooms[at % 2].join(ROOM) for at in range(200)))
        assert sum(each.stats().restored for each in rooms) <= 2
        assert ledger.life["survives"][0] <= 2


async def test_the_other_side_of_a_split_may_admit_nobody(
    valkey_url: str, own_valkey: StoppableValkey, tickets: TicketOffice, passes: PassOffice
) -> None:
    """Two stores serve one room, cut off from each other: only the one that was restored last admits.

    Numbers of both sides are told apart; the older side takes over only when the other has been quiet.
    """
    async with connected(valkey_url) as one, connected(own_valkey.url) as two:
        ledger = PlainLedger()
        old, new = (Rooms(ValkeyStore(client), tickets, passes, ledger) for client in (one, two))
        room = replace(ROOM, id="split", active_cap=2)
        first = await old.join(room)
        assert (await new.claim(room, first.ticket)).admission == first.admission
        second = await new.join(room)
        assert await answered(old.join(room)) == []  # the old side would have a slot free
        assert ledger.life["split"][0] == 2
        assert len(ledger.rows) == 1
        numbers = {first.number, second.number}
        for _ in range(3):
            for standing in await answered(new.join(room), new.join(room)):
                assert standing.number not in numbers
                numbers.add(standing.number)
        ledger.quiet_s = QUIET_S + 1
        assert await answered(old.claim(room, second.ticket)) != []


async def test_a_restoration_that_was_cut_short_is_done_again(
    store: ValkeyStore, tickets: TicketOffice, passes: PassOffice
) -> None:
    """Who restored died between journal and store: the next caller finds the room behind."""
    ledger = PlainLedger()
    rooms = Rooms(store, tickets, passes, ledger)
    first = await rooms.join(ROOM)
    await ledger.begin(ROOM, store.incarnation(ROOM))
    rooms = Rooms(store, tickets, passes, ledger)
    assert (await rooms.claim(ROOM, first.ticket)).admission == first.admission
    assert (await rooms.join(ROOM)).number > first.number


async def test_a_lost_block_is_passed_over_at_once(
    store: ValkeyStore, tickets: TicketOffice, passes: PassOffice
) -> None:
    """Numbers that nobody holds cost no slot and no window; who does hold one is called when he asks."""
    ledger = PlainLedger()
    room = Room("passed", 60_000, 1, 60_000, 600_000)
    rooms = Rooms(store, tickets, passes, ledger)
    leader = Leader(lambda: [room], store, ledger, holder="one", clock=itertools.count().__next__)
    first, held = await rooms.join(room), await rooms.join(room)
    await ledger.begin(room, store.incarnation(room))  # a new life: numbers from 2 or 3 to 32 are in doubt
    rooms = Rooms(store, tickets, passes, ledger)
    assert (await rooms.claim(room, first.ticket)).state == "admitted"
    late = await rooms.join(room)
    assert late.number == 33
    await rooms.leave(room, first.ticket)
    await leader.renew()

    async def inside(ticket: str) -> bool:
        await leader.tick()
        return (await rooms.claim(room, ticket)).admission is not None

    await eventually(partial(inside, held.ticket))
    await rooms.leave(room, held.ticket)
    await eventually(partial(inside, late.ticket))
    await rooms.leave(room, late.ticket)
    doubtful = tickets.sign(tickets.make(room.id, "", 20))
    await eventually(partial(inside, doubtful))


@pytest.mark.parametrize("second_chance", [True, False])
async def test_who_was_first_in_line_is_so_after_a_loss(
    own_valkey: StoppableValkey, tickets: TicketOffice, passes: PassOffice, second_chance: bool
) -> None:
    """He found the cap reached, his window is long over, and the store that held his turn is lost."""
    room = Room("first", 60_000, 1, 1_000, 600_000, second_chance=second_chance)
    ledger, wide = PlainLedger(), replace(room, active_cap=9)
    async with connected(own_valkey.url) as client:
        store = ValkeyStore(client)
        rooms = Rooms(store, tickets, passes, ledger)
        leader = Leader(lambda: [wide], store, ledger, holder="one", clock=itertools.count().__next__)
        inside = await rooms.join(room)
        held = await rooms.join(replace(room, suspended=True))
        await leader.renew()

        async def over() -> bool:
            await leader.tick()
            assert (await rooms.claim(room, held.ticket)).state in ("waiting", "called")
            return ledger.lines["first", ""].expired == held.number

        await eventually(over)
        await client.command("FLUSHALL", key=b"queue:{first}:room")
        assert (await rooms.claim(room, inside.ticket)).admission == inside.admission
        assert (await rooms.join(room, held.ticket)).number == held.number
        await rooms.leave(room, inside.ticket)

        async def enters() -> bool:
            await leader.tick()
            return (await rooms.claim(room, held.ticket)).admission is not None

        await eventually(enters)
