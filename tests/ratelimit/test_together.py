"""Several limits of one request: all or nothing, on one node, on a cluster, and without a store."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from benchmarks.servers import ClusterNodes
from ratelimit.check import Check
from ratelimit.holdings import ValkeyHoldings
from ratelimit.limiter import TOGETHER_MAX, Limiter
from ratelimit.policy import OnStoreLoss, Policy
from ratelimit.spread import Spread
from ratelimit.store import DoneAll, DoneEach, DoneOne, DoneReserved, StoreUnavailable
from ratelimit.valkey import ValkeyStore
from sadd.valkey.client import ValkeyClient
from sadd.valkey.topology import open_client
from tests.stores import StoppableValkey, connected
from tests.waiting import eventually

AGENCY = Policy("agency", 1000, 86_400, 1000)
SERVICE = Policy.quota("service", 100, "year")
CITIZEN = Policy.sliding("citizen", 3, 3600)


def request(citizen: str, cost: int = 1) -> list[Check]:
    return [Check(AGENCY, "moehe", cost), Check(SERVICE, "results", cost), Check(CITIZEN, citizen, cost)]


def limiter(client: ValkeyClient, shards: int = 1) -> Limiter:
    return Limiter(ValkeyStore(client, shards=shards), spread=Spread(0), known_keys_max=0)


async def test_one_that_denies_leaves_the_others_as_they_were(store: ValkeyStore) -> None:
    """The answer names it, has its wait, and says of the others what they would have said alone."""
    asked = Limiter(store, known_keys_max=0)
    for _ in range(3):
        assert (await asked.check_together(request("amna"))).allowed
    refused = await asked.check_together(request("amna"))
    assert not refused.allowed
    assert refused.denied_by is not None
    assert refused.denied_by.policy == "citizen"
    assert refused.denied_by.retry_after_ms is not None
    assert [decision.allowed for decision in refused.decisions] == [True, True, False]
    assert [decision.remaining for decision in refused.decisions] == [997, 97, 0]
    assert (await asked.check_together(request("badr"))).decisions[1].remaining == 96


async def test_the_longest_wait_is_the_one_to_tell(store: ValkeyStore) -> None:
    """Whoever comes back when the shorter one ends would only be refused by the other."""
    asked = Limiter(store)
    short, long = Policy("short", 1, 1, 1), Policy("long", 1, 600, 1)
    checks = [Check(short, "k"), Check(long, "k")]
    await asked.check_together(checks)
    denied = (await asked.check_together(checks)).denied_by
    assert denied is not None
    assert denied.policy == "long"


async def test_bans_and_unlimited_ones_need_no_store(store: ValkeyStore) -> None:
    """A ban among them denies at once; an unlimited one has its place in the answer."""
    asked = Limiter(store)
    ban, free = Policy("ban", 0, 60, 1), Policy.unlimited("free")
    denied = await asked.check_together([Check(AGENCY, "a"), Check(ban, "k")])
    assert (denied.allowed, denied.decisions) == (False, (denied.denied_by,))
    allowed = await asked.check_together([Check(free, "k"), Check(AGENCY, "a"), Check(free, "l")])
    assert [decision.policy for decision in allowed.decisions] == ["free", "agency", "free"]
    assert allowed.decisions[1].remaining == 999
    assert (await asked.check_together([Check(free, "k")])).allowed
    assert (await asked.check_together([])).allowed


async def test_too_many_together_are_misuse(store: ValkeyStore) -> None:
    """The bound is told at once."""
    with pytest.raises(ValueError, match="together"):
        Limiter(store).ask_together([Check(AGENCY, "a")] * (TOGETHER_MAX + 1), print)


async def test_one_that_raises_harms_no_other_of_its_tick(store: ValkeyStore) -> None:
    """The loop is told of it; the question behind it in the same call is answered."""
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    asked = Limiter(store)
    answers: list[object] = []

    def gone(_: object) -> None:
        raise ConnectionResetError("its client is gone")

    asked.ask(Check(AGENCY, "a"), gone)
    asked.ask(Check(AGENCY, "b"), answers.append)
    asked.ask_together(request("a"), gone)
    asked.ask_together(request("b"), answers.append)
    await eventually(lambda: len(answers) == 2)
    assert [type(context["exception"]) for context in told] == [ConnectionResetError] * 2


async def test_on_a_cluster_it_is_reserved_and_confirmed(nodes: ClusterNodes) -> None:
    """Keys in three slots on three nodes: the same answers, and nothing is taken by a denial."""
    async with connected(nodes.url) as client:
        asked = limiter(client, shards=16)
        store = ValkeyStore(client, shards=16)
        assert len(store.parts(request("amna"))) == 3
        for _ in range(3):
            assert (await asked.check_together(request("amna"))).allowed
        refused = await asked.check_together(request("amna"))
        assert [decision.allowed for decision in refused.decisions] == [True, True, False]
        assert [decision.remaining for decision in refused.decisions] == [997, 97, 0]

        async def nothing_taken() -> bool:
            left = await asked.check(SERVICE, "results", 0)
            return left.remaining == 97

        assert await eventually(nothing_taken)


async def test_a_tag_makes_it_one_trip_on_a_cluster(nodes: ClusterNodes) -> None:
    """Policies with one tag keep what a key took of each in one slot."""
    a = Policy("tag-a", 5, 60, 5, tag="svc")
    b = Policy("tag-b", 3, 60, 3, tag="svc")
    async with connected(nodes.url) as client:
        store = ValkeyStore(client, shards=16)
        asked = Limiter(store, known_keys_max=0)
        for key in ("amna", "badr", "noor"):
            checks = [Check(a, key), Check(b, key)]
            assert len(store.parts(checks)) == 1
            verdicts = await asyncio.gather(*(asked.check_together(checks) for _ in range(6)))
            assert sum(verdict.allowed for verdict in verdicts) == 3
            assert (await asked.check(a, key, 0)).remaining == 2


async def test_what_is_held_lies_beside_its_counter(nodes: ClusterNodes) -> None:
    """Leases and slots of any key, with a tag and without: no call crosses slots."""
    async with connected(nodes.url) as client:
        asked = Limiter(ValkeyStore(client, shards=16), holdings=ValkeyHoldings(client, shards=16))
        for tag in ("", "svc"):
            units = replace(SERVICE, id=f"units{tag}", tag=tag)
            slots = replace(Policy.concurrent(f"slots{tag}", 3), tag=tag)
            for key in map(str, range(20)):
                lease = await asked.lease(units, key, 10)
                assert (lease.granted, await asked.give_back(units, lease.id, 4)) == (10, 4)
                assert (await asked.check(units, key, 0)).remaining == 94
                assert (await asked.acquire(slots, key, "one")).allowed
                assert await asked.release(slots, key, "one")
                assert await asked.reset(units, key)


async def test_no_limit_is_exceeded_on_a_cluster_by_four_workers(nodes: ClusterNodes) -> None:
    """400 requests of four workers race over three slots: no limit admits more than it has."""
    policies = [Policy.quota(f"race-{n}", limit, "year") for n, limit in enumerate((150, 120, 10))]
    chance = random.Random(5)
    workers = [await _open(nodes.url) for _ in range(4)]
    try:
        requests = [
            [
                Check(policies[0], "all"),
                Check(policies[1], "all"),
                Check(policies[2], str(chance.randrange(30))),
            ]
            for _ in range(400)
        ]
        verdicts = await asyncio.gather(
            *(workers[i % 4][1].check_together(checks) for i, checks in enumerate(requests))
        )
    finally:
        for client, _ in workers:
            await client.aclose()
    admitted = [checks for checks, verdict in zip(requests, verdicts, strict=True) if verdict.allowed]
    of_each = [sum(checks[2].key == str(key) for checks in admitted) for key in range(30)]
    assert len(admitted) <= 120
    assert max(of_each) <= 10


async def _open(url: str) -> tuple[ValkeyClient, Limiter]:
    client = await open_client(url, deadline_ms=2_000, max_in_flight=20_000)
    return client, limiter(client, shards=16)


async def test_without_a_store_all_or_nothing_holds_too(own_valkey: StoppableValkey) -> None:
    """Each policy goes its own way; a closed one among them denies all, and the shares stay whole."""
    local = [Policy(f"local-{n}", 60, 60, burst) for n, burst in enumerate((10, 2))]
    closed = Policy("closed", 60, 60, 5, "closed")
    async with connected(own_valkey.url, deadline_ms=2_000) as client:
        asked = limiter(client)
        own_valkey.stop()
        checks = [Check(policy, "k") for policy in local]
        verdicts = [await asked.check_together(checks) for _ in range(4)]
        assert [verdict.allowed for verdict in verdicts] == [True, True, False, False]
        denied = await asked.check_together([Check(local[0], "k"), Check(closed, "k")])
        assert (denied.allowed, denied.denied_by and denied.denied_by.decided_by) == (False, "closed")
        left = await asked.check(local[0], "k", 0)
        assert left.remaining == 8


class TwoSlots:
    """A store in whose second slot nobody answers. It notes what is given back."""

    def __init__(self) -> None:
        self.given_back: list[tuple[str, int, int | None]] = []

    def ask(self, check: Check, done: DoneOne) -> None:
        raise NotImplementedError

    def ask_each(self, checks: Sequence[Check], done: DoneEach) -> None:
        raise NotImplementedError

    def ask_all(self, checks: Sequence[Check], done: DoneAll) -> bool:
        return False

    def parts(self, checks: Sequence[Check]) -> list[list[int]]:
        return [[0], list(range(1, len(checks)))]

    def reserve(self, checks: Sequence[Check], done: DoneReserved) -> None:
        loop = asyncio.get_running_loop()
        if checks[0].key == "here":
            loop.call_soon(done, [((1, 7, 1_000_000, 0), 123_456)])
        else:
            loop.call_soon(done, StoreUnavailable("its node is gone"))

    def give_back(
        self, policy: Policy, key: str, units: int, done: DoneOne, mark_us: int | None = None
    ) -> None:
        self.given_back.append((key, units, mark_us))
        done((1, 9, 0, 0))

    async def forget(self, policy: Policy, key: str) -> bool:
        return False


@pytest.mark.parametrize("way", ["open", "closed", "local"])
async def test_half_of_a_cluster_away(way: OnStoreLoss) -> None:
    """The policies there go their own way; when that denies, what was reserved here is given back."""
    here, away = Policy("here", 10, 60, 10), Policy("away", 10, 60, 2, way)
    store = TwoSlots()
    asked = Limiter(store)
    checks = [Check(here, "here", 2), Check(away, "k", 2)]
    verdict = await asked.check_together(checks)
    assert verdict.allowed == (way != "closed")
    assert verdict.decisions[1].decided_by == way
    assert store.given_back == ([("here", 2, 123_456)] if way == "closed" else [])
    if way == "local":
        again = await asked.check_together(checks)
        assert (again.allowed, again.decisions[0].remaining) == (False, 9)
        assert store.given_back == [("here", 2, 123_456)]
