"""Lanes: each gets its declared share while somebody waits there, and nothing is held back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from queueing.lanes import shared_out
from queueing.policy import Lane, Room

SHARES = {"": 0.7, "vip": 0.2, "quiet": 0.1}
crowds = st.fixed_dictionaries({lane: st.integers(0, 50) for lane in SHARES})


@given(st.lists(st.tuples(st.integers(0, 40), crowds), max_size=30))
def test_nobody_waits_while_there_is_something_to_give(steps: list[tuple[int, dict[str, int]]]) -> None:
    """All of a step is given out as long as anybody waits, and no lane gets more than wait there."""
    owed: dict[str, float] = {}
    for call, waiting in steps:
        given_out = shared_out(call, waiting, SHARES, owed)
        assert sum(given_out.values()) == min(call, sum(waiting.values()))
        assert all(0 <= given_out[lane] <= waiting[lane] for lane in waiting)


@given(st.lists(st.integers(0, 7), min_size=200, max_size=300))
@settings(max_examples=20)
def test_crowded_lanes_get_their_shares_exactly(calls: list[int]) -> None:
    """Over many small steps each is within two numbers of its share."""
    owed: dict[str, float] = {}
    got = dict.fromkeys(SHARES, 0)
    for call in calls:
        for lane, many in shared_out(call, dict.fromkeys(SHARES, 1_000), SHARES, owed).items():
            got[lane] += many
    for lane, share in SHARES.items():
        assert abs(got[lane] - share * sum(calls)) <= 2


def test_what_a_lane_does_not_use_goes_to_the_others() -> None:
    """By their shares; and an empty lane saves nothing up for later."""
    owed: dict[str, float] = {}
    for _ in range(100):
        assert shared_out(3, {"": 0, "vip": 1_000, "quiet": 0}, SHARES, owed)["vip"] == 3
    later = shared_out(10, dict.fromkeys(SHARES, 1_000), SHARES, owed)
    assert later[""] <= 8
    assert later["vip"] >= 1


def test_a_room_declares_what_its_lanes_get() -> None:
    """The open lane has what the others leave; their sum is all of it."""
    room = Room("lanes", 60, 3, 60_000, 60_000, lanes=(Lane("vip", 0.2), Lane("quiet", 0.1)))
    assert room.shares == {"": 1 - (0.2 + 0.1), "vip": 0.2, "quiet": 0.1}


def test_counters_that_cannot_be_end_all_the_same() -> None:
    """A leader that never came back from here would take its worker with it, and the next one too."""
    assert shared_out(5, {"": -3, "vip": 2}, {"": 0.5, "vip": 0.5}, {}) == {"": 0, "vip": 2}
    assert shared_out(-1, {"": 4}, {"": 1.0}, {}) == {"": 0}
