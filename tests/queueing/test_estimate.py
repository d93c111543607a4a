"""The estimate is an interval; it is honest about stock; polls follow the distance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueing.estimate import calls_until, estimate, poll_after_ms, prospect
from queueing.lanes import shared_out
from queueing.margins import FIRST
from queueing.pace import Pace, paced, supposed
from queueing.policy import Room

PACE = paced(600, FIRST, 10_000)


@given(st.integers(1, 10_000_000), st.floats(0.1, 1_000_000))
def test_the_interval_holds_the_expected_wait_and_is_in_order(position: int, per_minute: float) -> None:
    """Low is at most high, and what is expected is not below low."""
    wait = estimate(paced(per_minute, FIRST, 1_000), position)

    assert 0 <= wait.low <= wait.high
    expected = position / per_minute * 60_000
    assert wait.low <= expected + 1 or wait.low == 7 * 24 * 3_600_000


@given(st.integers(1, 1_000_000))
def test_who_stands_further_back_is_never_told_less(position: int) -> None:
    """One place more is never a shorter wait, at either edge."""
    nearer, further = estimate(PACE, position), estimate(PACE, position + 1)

    assert nearer.low <= further.low
    assert nearer.high <= further.high


def test_the_bounds_of_the_pace_are_those_of_the_last_in_line() -> None:
    """What everyone may read of the room is what its last visitor is told."""
    last = estimate(PACE, 10_000)

    assert last.low == pytest.approx(10_000 / PACE.high_per_minute * 60_000, rel=0.001)
    assert last.high == pytest.approx(10_000 / PACE.low_per_minute * 60_000, rel=0.001)


def test_before_a_measurement_the_settings_bound_it() -> None:
    """60 a minute at most; 100 slots of 10 minutes let in 10 a minute at least."""
    wait = estimate(supposed(Room("r", 60, 100, 60_000, 600_000)), 60)

    assert (wait.low, wait.high) == (60_000, 360_000)


def test_the_wait_is_told_within_half_a_second_at_best() -> None:
    """A call comes in a step of 200 ms: closer than that nothing can be promised."""
    wait = estimate(paced(600, FIRST, 1), 1)

    assert wait.low == 0
    assert wait.high >= 600


def test_a_pause_is_said_with_the_pace() -> None:
    """Measured or not, a pace of a paused room says so."""
    assert supposed(Room("r", 60, 100, 60_000, 600_000), paused=True).paused
    assert paced(600, FIRST, 10, paused=True).paused


@pytest.mark.parametrize("pace", [PACE, Pace(1.0, 2.0), Pace(1.0, 2.0, paused=True)])
def test_a_pace_survives_the_store(pace: Pace) -> None:
    """What is packed and read again tells everybody the same."""
    kept = Pace.unpacked(pace.packed())

    assert kept.paused == pace.paused
    assert estimate(kept, 1_000).low == pytest.approx(estimate(pace, 1_000).low, rel=1e-6)
    assert estimate(kept, 1_000).high == pytest.approx(estimate(pace, 1_000).high, rel=1e-6)


@given(st.binary(max_size=80).filter(lambda raw: len(raw) != len(PACE.packed())))
def test_what_is_no_packed_pace_is_refused(raw: bytes) -> None:
    """Bytes of another length are ValueError."""
    with pytest.raises(ValueError, match="packed pace"):
        Pace.unpacked(raw)


def test_who_waits_for_nothing_is_told_early() -> None:
    """236,210 people and 35,675 appointments."""
    assert prospect(236_210, 35_675, 0.9) == "unlikely"
    assert prospect(30_000, 35_675, 0.9) == "likely"
    assert prospect(35_675, 35_675, 1.0) == "likely"
    assert prospect(35_676, 35_675, 1.0) == "unlikely"
    assert prospect(1, 0, 0.9) == "unlikely"
    assert prospect(10**9, None, 0.9) == "likely"


def test_where_it_hangs_on_who_comes_it_is_doubtful() -> None:
    """Of 1,000 before him 900 come, give or take 19."""
    assert prospect(1_001, 900, 0.9) == "doubtful"
    assert prospect(1_001, 870, 0.9) == "unlikely"
    assert prospect(1_001, 930, 0.9) == "likely"


def test_a_lane_of_its_own_waits_by_its_share() -> None:
    """A tenth of the calls: the tenth in that lane comes after 100 calls, while the others wait too."""
    shares = {"": 0.9, "counter": 0.1}

    assert calls_until(10, "counter", {"": 5_000, "counter": 50}, shares) == 100
    assert calls_until(90, "", {"": 5_000, "counter": 50}, shares) == 100


def test_what_another_lane_does_not_use_comes_to_the_rest() -> None:
    """The counter's 5 are called within 50 calls; from then on every call is for the open lane."""
    shares = {"": 0.9, "counter": 0.1}

    assert calls_until(1_000, "", {"": 5_000, "counter": 5}, shares) == 1_005
    assert calls_until(7, "", {"": 7}, {"": 1.0}) == 7


@given(
    waiting=st.tuples(st.integers(1, 60), st.integers(0, 60), st.integers(0, 60)),
    position=st.integers(1, 60),
)
def test_it_agrees_with_how_steps_are_shared_out(waiting: tuple[int, int, int], position: int) -> None:
    """Calling one by one, the place comes when it was said to, give or take a number a lane."""
    shares = {"": 0.6, "invited": 0.3, "counter": 0.1}
    left = dict(zip(shares, waiting, strict=True))
    position = min(position, left[""])
    expected = calls_until(position, "", left, shares)
    owed: dict[str, float] = {}
    calls = called = 0
    while called < position:
        given = shared_out(1, left, shares, owed)
        calls, called = calls + 1, called + given[""]
        left = {lane: many - given[lane] for lane, many in left.items()}

    assert abs(calls - expected) <= 3


@given(st.integers(0, 10_000_000), st.floats(0, 1))
def test_polls_are_directed_from_3_to_30_seconds_with_jitter(least_ms: int, chance: float) -> None:
    """Whatever the wait: 10% each way around 3 to 30 s."""
    assert 2_700 <= poll_after_ms(least_ms, chance) <= 33_000


def test_polls_are_far_apart_far_from_the_front_and_near_near_it() -> None:
    """A quarter of the least wait, within the bounds."""
    assert poll_after_ms(3_600_000, 0.5) == 30_000
    assert poll_after_ms(1_000, 0.5) == 3_000
    assert poll_after_ms(60_000, 0.5) == 15_000
