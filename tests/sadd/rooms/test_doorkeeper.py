"""The doorkeeper, on the real limiter and a real Valkey."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueing.policy import Room
from queueing.ticket import TicketKeys
from queueing.work import Effort, WorkOffice, solve
from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore
from sadd.rooms.doorkeeper import Doorkeeper, Judgement, Knock
from sadd.rooms.networks import Networks, networks_of
from sadd.rooms.tide import Tides
from sadd.rooms.written import Bots, ProofOfWork
from tests.stores import connected

ROOM = Room("results", 60, 3, 60_000, 600_000)
NOW_MS = 1_800_000_000_000
HOME, NEXT_DOOR, ELSEWHERE = "192.0.2.7", "192.0.2.8", "198.51.100.9"


@pytest.fixture
async def keeper(valkey_url: str) -> AsyncIterator[Doorkeeper]:
    async with connected(valkey_url) as client:
        office = WorkOffice(TicketKeys("0000000a", {"0000000a": b"w" * 32}), _nonces())
        yield Doorkeeper(Limiter(ValkeyStore(client)), office, Effort(8, 11))


class _nonces:  # noqa: N801 - it is called like a function
    def __init__(self) -> None:
        self._last = 0

    def __call__(self, size: int) -> bytes:
        self._last += 1
        return self._last.to_bytes(size, "big")


def knock(
    address: str = HOME, shown: str = "", work: ProofOfWork = "adaptive", joins: int = 40, number: int = 0
) -> Knock:
    """40 joins a minute, of which 4 are free of work and 2 may come in the plain way."""
    return Knock(ROOM, Bots(joins, work, challenge_at_front=True), address, shown, number)


async def joins(keeper: Doorkeeper, count: int, at: Knock) -> list[Judgement]:
    return [await keeper.at_join(at, 0, NOW_MS) for _ in range(count)]


async def challenged(keeper: Doorkeeper, at: Knock, tide: float = 0) -> Judgement:
    said = await keeper.at_join(at, tide, NOW_MS)
    assert said.why == "challenged"
    return said


async def test_a_few_join_as_they_come_and_the_next_does_some_work(keeper: Doorkeeper) -> None:
    """A household never sees a challenge; whoever joins again and again from one address does work for it."""
    said = await joins(keeper, 5, knock())
    assert [one.why for one in said] == ["free"] * 4 + ["challenged"]
    assert said[4].challenge is not None
    answered = await keeper.at_join(knock(shown=solve(said[4].challenge)), 0, NOW_MS + 900)
    assert (answered.allowed, answered.why, len(answered.holder or b"")) == (True, "work", 16)


async def test_a_neighbour_is_not_made_to_work(keeper: Doorkeeper) -> None:
    """What one address does is not held against the next one."""
    await joins(keeper, 5, knock())
    assert (await keeper.at_join(knock(NEXT_DOOR), 0, NOW_MS)).why == "free"


async def test_without_proof_of_work_there_is_the_bound_alone(keeper: Doorkeeper) -> None:
    """40 join within a minute from one address, the next is told when to come again."""
    said = await joins(keeper, 41, knock(work="off"))
    assert [one.why for one in said] == ["free"] * 40 + ["later"]
    assert 0 < (said[40].retry_after_ms or 0) <= 2_500


async def test_work_does_not_buy_more_than_the_bound(keeper: Doorkeeper) -> None:
    """A farm behind one address gets its 40 a minute however much it computes, and keeps the challenge."""
    await joins(keeper, 40, knock(work="off"))
    said = await keeper.at_join(knock(work="always"), 0, NOW_MS)
    assert said.challenge is not None
    late = await keeper.at_join(knock(shown=solve(said.challenge)), 0, NOW_MS)
    assert (late.allowed, late.why) == (False, "later")


async def test_a_rented_range_is_bounded_as_a_whole(keeper: Doorkeeper) -> None:
    """256 addresses of a /24, or 256 networks of a /56, are not 256 callers: eight times one, together."""
    for prefix, rest in (("192.0.2.", ""), ("2001:db8:0:1", "::1")):
        addresses = [f"{prefix}{place:x}{rest}" if rest else f"{prefix}{place}" for place in range(16, 76)]
        bounded = [knock(address, work="off", joins=5) for address in addresses]
        said = [await keeper.at_join(one, 0, NOW_MS) for one in bounded]
        assert [one.why for one in said] == ["free"] * 40 + ["later"] * 20


async def test_the_plain_way_is_open_and_narrow(keeper: Doorkeeper) -> None:
    """Who cannot compute waits a little and is let in, a place a challenge; a farm that says so gets two."""
    await joins(keeper, 4, knock())
    made = [(await challenged(keeper, knock())).challenge for _ in range(3)]
    texts = [one.text for one in made if one is not None]
    early = await keeper.at_join(knock(shown=texts[0]), 0, NOW_MS + 2_000)
    assert (early.allowed, early.why, early.retry_after_ms) == (False, "early", 3_000)
    said = [await keeper.at_join(knock(shown=text), 0, NOW_MS + 5_000) for text in texts]
    assert [one.why for one in said] == ["plain", "plain", "later"]
    assert len({one.holder for one in said[:2]}) == 2


async def test_an_answer_shown_again_is_the_same_holder(keeper: Doorkeeper) -> None:
    """A retry finds its place; a replay gets no second one."""
    challenge = (await challenged(keeper, knock(work="always"))).challenge
    assert challenge is not None
    twice = [await keeper.at_join(knock(shown=solve(challenge)), 0, NOW_MS) for _ in range(2)]
    assert twice[0].holder == twice[1].holder


async def test_an_answer_does_not_travel(keeper: Doorkeeper) -> None:
    """Computed here and shown elsewhere it is none: the bearer is asked for work of his own."""
    challenge = (await challenged(keeper, knock(work="always"))).challenge
    assert challenge is not None
    shown = solve(challenge)
    assert (await keeper.at_join(knock(ELSEWHERE, shown, "always"), 0, NOW_MS)).why == "challenged"
    assert (await keeper.at_join(knock(NEXT_DOOR, shown, "always"), 0, NOW_MS)).why == "work"
    assert keeper.stats().refused == {"foreign": 1}


async def test_a_rush_makes_the_work_harder(keeper: Doorkeeper) -> None:
    """Ten times as many as the room lets in: three bits more, up to the bound."""
    bits = []
    for tide in (0, 60, 120, 600, 6_000_000):
        said = await challenged(keeper, knock(work="always"), tide)
        bits.append(said.challenge.bits if said.challenge else 0)
    assert bits == [8, 8, 9, 11, 11]
    assert keeper.stats().bits == 11


async def test_nobody_is_expelled_at_the_front(keeper: Doorkeeper) -> None:
    """Who takes very many turns is asked for work for each; then, or in the plain way, each is taken."""
    said = [await keeper.at_turn(knock(number=place), 0, NOW_MS) for place in range(1, 64)]
    assert [one.why for one in said] == ["free"] * 60 + ["challenged"] * 3
    shown = [one.challenge for one in said if one.challenge is not None]
    by_work = await keeper.at_turn(knock(number=61, shown=solve(shown[0])), 0, NOW_MS)
    by_time = await keeper.at_turn(knock(number=62, shown=shown[1].text), 0, NOW_MS + 5_000)
    foreign = await keeper.at_turn(knock(number=62, shown=solve(shown[2])), 0, NOW_MS)
    assert [one.why for one in (by_work, by_time, foreign)] == ["work", "plain", "challenged"]
    assert not any(one.why == "later" for one in (*said, by_work, by_time, foreign))


async def test_an_address_that_is_not_told_is_not_judged(keeper: Doorkeeper) -> None:
    """A proxy of ours that names no visitor would else shut the room for all behind it; it is counted."""
    said = await joins(keeper, 50, knock("", work="always"))
    assert {one.why for one in said} == {"unjudged"}
    assert keeper.stats().judged == {"unjudged": 50}


@pytest.mark.parametrize(
    ("address", "narrow", "wide"),
    [
        ("192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"),
        ("2001:db8:1:2aff:3::4", "2001:db8:1:2aff::/64", "2001:db8:1:2a00::/56"),
    ],
)
def test_what_one_connection_has(address: str, narrow: str, wide: str) -> None:
    """One IPv4 address or an IPv6 /64; around them /24 and /56."""
    assert networks_of(address) == Networks(narrow, wide)


@given(st.text(max_size=60))
def test_what_is_no_address_is_none(text: str) -> None:
    """Whatever a header says: no error, and no network that nobody has."""
    found = networks_of(text)
    assert found is None or "/" in found.narrow


def test_the_tide_is_seen_within_ten_seconds() -> None:
    """A rush of 6,000 a minute is told to two thirds after 10 s, and is over as soon after its end."""
    tides = Tides()
    told = [tides.observe("results", 100 * second, second * 1_000) for second in range(11)]
    assert told[0] == 0
    assert 3_600 < told[10] < 4_000
    calm = [tides.observe("results", 1_000, (11 + second) * 1_000) for second in range(30)]
    assert calm[-1] < 250
    assert tides.last("results") == calm[-1]


def test_a_room_that_begins_anew_is_no_rush() -> None:
    """Numbers that go back are another room's, not minus so many joins."""
    tides = Tides()
    tides.observe("results", 1_000, 0)
    assert tides.observe("results", 10, 1_000) == 0
