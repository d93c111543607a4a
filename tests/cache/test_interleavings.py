"""Every order in which loads, purges, fills, the feed, cancellations and crashes can meet: 10⁵ cases.

Played on the plain store (``test_store`` holds it against the scripts), with the real ``decide`` and the real
memory of a worker. The origin's value is a number that only rises; what a purge was acknowledged for may not
be served any more, and no two loads may be under way that both can be kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cache.answers import Stored, Superseded
from cache.clock import StoreClock
from cache.decide import Decision, Found, Lead, Serve, ServeAndRefresh, Wanted, decide
from cache.entry import Content
from cache.near import Near
from cache.policy import Times
from cache.space import Space
from tests.cache.plain import SPACE as NAME
from tests.cache.plain import PlainStore

SPACE = Space("t", "n")
KEY = "k"
TAGS = ("x",)
LEASE_MS = 1_000
NOW_MS = 1_795_507_745_123
LIVES = Times(1_000_000, 2_000_000)
VALUES = [Content(str(number).encode(), "", TAGS) for number in range(4)]


class Always:
    proven_until = float("inf")


@dataclass(slots=True)
class Worker:
    """Its memory, and how much of the feed has come to it."""

    near: Near
    heard: int = 0
    proven: int = 0
    """What was purged up to this value was acknowledged before the last canary that came back was sent."""


@dataclass(slots=True)
class World:
    """One store, its origin, two workers. ``acknowledged``: older values may not be served any more."""

    store: PlainStore = field(default_factory=lambda: PlainStore(NOW_MS))
    origin: int = 0
    acknowledged: int = 0
    acknowledged_softly: int = 0
    grants: int = 0
    """Rights to load that were given ..."""
    reasons: int = 1
    """... and how many there could be: the first, and one for each purge, crash, cancellation."""
    workers: list[Worker] = field(default_factory=list)
    acknowledged_with: dict[int, int] = field(default_factory=dict)
    """By the number of notices told, what was acknowledged when they had been."""

    def __post_init__(self) -> None:
        clock = StoreClock(monotonic=lambda: 0.0)
        clock.ahead_ms = NOW_MS
        self.workers = [Worker(Near(1 << 20, Always(), clock), heard=1) for _ in range(2)]
        self.store.purge((), (), soft=True)  # the namespace is there

    def deliver(self, number: int) -> None:
        """The next notice comes to a worker, and the canary that was sent right after it."""
        worker = self.workers[number]
        if worker.heard == len(self.store.told):
            return
        kind, stamp, name = self.store.told[worker.heard]
        worker.heard += 1
        worker.near.heard(f"{kind} {worker.heard} {stamp} {NAME} {name}".encode())
        worker.proven = max(worker.proven, self.acknowledged_with.get(worker.heard, 0))

    def lose(self, number: int) -> None:
        """The feed breaks and is there again: what was on its way is lost, the first canary is back."""
        worker = self.workers[number]
        worker.near.lost()
        worker.heard = len(self.store.told)
        worker.proven = max([0, *self.acknowledged_with.values()])

    def check(self) -> None:
        """Nothing may be served now, from the store or a memory, that was purged before."""
        seen = self.store.lookup(KEY)
        if seen.entry is not None:
            value = int(seen.entry.content.body)
            assert value >= self.acknowledged
            assert value >= self.acknowledged_softly or seen.verdict != "fresh"
        for worker in self.workers:
            known = worker.near.get(SPACE, KEY)
            assert known is None or int(known.content.body) >= worker.proven
        assert self.grants <= self.reasons, "two loads under way that both can be kept"


Actor = Callable[[World], Iterator[None]]


def ask(world: World, worker: Worker) -> tuple[Decision, int]:
    """What a caller is told, checked against what was acknowledged before it asked."""
    position = worker.near.position
    asked = world.store.lease(KEY, LEASE_MS)
    world.grants += asked.token > 0
    found = Found(asked.seen.entry, asked.token or None, asked.ends_ms, asked.open_until_ms)
    told = decide(found, asked.now_ms, Wanted(stale=True))
    if isinstance(told, Serve | ServeAndRefresh):
        assert int(told.entry.content.body) >= world.acknowledged
    return told, position


def loader(number: int, ending: str = "fill") -> Actor:
    """Asks, reads the origin, fills; or is cancelled, or crashes before it could."""

    def act(world: World) -> Iterator[None]:
        worker = world.workers[number]
        told, _ = ask(world, worker)
        yield
        if not isinstance(told, Lead | ServeAndRefresh):
            return
        value = VALUES[world.origin]
        yield
        if ending == "fill":
            position = worker.near.position
            if isinstance(stored := world.store.fill(KEY, told.token, value, LIVES), Stored):
                entry = world.store.entries[KEY]
                assert entry.stamp == stored.stamp
                worker.near.keep(SPACE, KEY, entry, position)
        elif ending == "cancel":
            world.reasons += world.store.hold(KEY, told.token, 0)
        elif ending == "uncacheable":
            world.store.hold(KEY, told.token, 0, open_ms=LEASE_MS)
            world.reasons += 10  # everybody may load from here on
        yield

    return act


def reader(number: int) -> Actor:
    """Reads the store, and keeps the answer only later: the feed may overtake it."""

    def act(world: World) -> Iterator[None]:
        worker = world.workers[number]
        position = worker.near.position
        seen = world.store.lookup(KEY)
        yield
        if seen.verdict == "fresh" and seen.entry is not None:
            worker.near.keep(SPACE, KEY, seen.entry, position)
        yield

    return act


def writer(kind: str) -> Actor:
    """Changes the origin, then purges; once that is acknowledged the old value is gone."""

    def act(world: World) -> Iterator[None]:
        world.origin += 1
        value = world.origin
        yield
        world.reasons += 1
        if kind == "put":
            world.store.fill(KEY, None, VALUES[value], LIVES)
        else:
            names: tuple[list[str], list[str]] = ([KEY] if "key" in kind else [], [*TAGS] * ("tag" in kind))
            world.store.purge(*names, everything="everything" in kind, soft="soft" in kind)
        if "soft" in kind:
            world.acknowledged_softly = max(world.acknowledged_softly, value)
        else:
            world.acknowledged = max(world.acknowledged, value)
        world.acknowledged_with[len(world.store.told)] = value
        yield

    return act


def feed(number: int, times: int) -> Actor:
    """So many notices come to a worker."""

    def act(world: World) -> Iterator[None]:
        for _ in range(times):
            world.deliver(number)
            yield

    return act


def loss(number: int) -> Actor:
    def act(world: World) -> Iterator[None]:
        world.lose(number)
        yield

    return act


def lease_time(world: World) -> Iterator[None]:
    """So much time passes that a lease ends by itself."""
    world.store.now_ms += LEASE_MS
    world.reasons += 1
    yield


def orders(lengths: list[int]) -> Iterator[list[int]]:
    """Every order of so many steps of each actor."""
    left, order = [*lengths], list[int]()

    def go() -> Iterator[list[int]]:
        if len(order) == sum(lengths):
            yield order
            return
        for actor, steps in enumerate(left):
            if steps:
                left[actor] -= 1
                order.append(actor)
                yield from go()
                order.pop()
                left[actor] += 1

    return go()


def play_all(actors: list[tuple[Actor, int]]) -> int:
    """Plays every order of the actors' steps on a world of its own, checking after each step."""
    count = 0
    for order in orders([steps for _, steps in actors]):
        play(World(), actors, order)
        count += 1
    return count


def play(world: World, actors: list[tuple[Actor, int]], order: list[int]) -> None:
    running = [actor(world) for actor, _ in actors]
    try:
        for actor in order:
            next(running[actor], None)
            world.check()
    except AssertionError as broken:
        raise AssertionError(f"order {order}: {broken}") from broken


@pytest.mark.parametrize("kind", ["key", "tag", "everything", "put"])
def test_a_load_against_a_purge(kind: str) -> None:
    """A load, a reader that keeps late, a purge, and a feed that is slow: 25,200 orders of each kind."""
    assert play_all([(loader(0), 3), (reader(1), 2), (writer(kind), 2), (feed(1, 3), 3)]) == 25_200


@pytest.mark.parametrize("kind", ["tag", "soft everything"])
@pytest.mark.parametrize("ending", ["crash", "cancel", "uncacheable"])
def test_a_load_that_never_fills(ending: str, kind: str) -> None:
    """A loader that crashes, is cancelled or may not share; another one; a purge; the lease's time passes."""
    actors = [(loader(0, ending), 3), (loader(1), 3), (writer(kind), 2), (lease_time, 1)]
    assert play_all(actors) == 5_040


@pytest.mark.parametrize("kind", ["key", "soft key"])
def test_a_feed_that_breaks(kind: str) -> None:
    """What was on its way is lost, between any two steps of a load, a late reader and a purge."""
    actors = [(loader(1), 3), (reader(1), 2), (writer(kind), 2), (loss(1), 1), (feed(1, 1), 1)]
    assert play_all(actors) == 15_120


def _unfenced(store: PlainStore, *args: Any) -> Stored | Superseded:
    store.leases[KEY] = args[1] or 0, store.now_ms + LEASE_MS
    store.hard = store.soft = 0
    store.hard_tags.clear()
    return FILL(store, *args)


FILL = PlainStore.fill


@pytest.mark.parametrize(
    ("place", "name", "worse"),
    [
        (PlainStore, "fill", _unfenced),
        (PlainStore, "_lease", lambda *_: (0, 0)),
        (Near, "_purged", lambda *_: False),
        (Near, "lost", lambda _: None),
    ],
    ids=["fills whatever was purged", "knows no lease", "keeps what was overtaken", "forgets nothing"],
)
def test_the_orders_find_what_they_are_for(
    monkeypatch: pytest.MonkeyPatch, place: type, name: str, worse: Callable[..., object]
) -> None:
    """Each rule, left out, is missed: an order is found that breaks the promise."""
    monkeypatch.setattr(place, name, worse)
    with pytest.raises(AssertionError, match="order"):
        play_few()


def play_few() -> None:
    play_all([(loader(0), 3), (loader(1), 3)])
    play_all([(loader(0), 3), (reader(1), 2), (writer("tag"), 2), (feed(1, 2), 2)])
    play_all([(loader(1), 3), (reader(1), 2), (writer("tag"), 2), (loss(1), 1)])


def test_the_few_orders_are_kept() -> None:
    """The orders that find what is left out find nothing when all is there."""
    play_few()
