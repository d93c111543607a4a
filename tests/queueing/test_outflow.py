"""The controller calls in small even steps, by target, slots, no-shows and health, and never in a burst."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queueing.health import Health
from queueing.memory import MEMORY_BYTES_MAX
from queueing.outflow import AHEAD_SHARE_MAX, UNCLAIMED_CAPS_MAX, Observed, Outflow
from queueing.policy import Room

MINUTE_MS = 60_000
WIDE = Room("wide", 600, 1_000_000, 120_000, 600_000)


class Crowd:
    """A room of totals for a controller: everybody waits, and what is called is called."""

    def __init__(self, room: Room, waiting: int = 10_000_000) -> None:
        self.outflow = Outflow(room)
        self.seen = Observed(1_000_000, waiting, 0, 0, 0, 0, 0, 0, 0)
        self.calls: list[tuple[int, int]] = []  # (ms, how many)

    def step(
        self, after_ms: int, *, may_call: bool = True, health: Health | None = None, moves: bool = True
    ) -> int:
        self.seen = replace(self.seen, now_ms=self.seen.now_ms + after_ms)
        call = self.outflow.step(self.seen, health, may_call=may_call).call
        if moves:
            self.seen = replace(
                self.seen, serving=self.seen.serving + call, to_claim=self.seen.to_claim + call
            )
            self.calls.append((self.seen.now_ms, call))
        return call

    def in_minutes(self) -> list[int]:
        """What was called in each minute that begins at a step and lies within the run."""
        at = [ms for ms, _ in self.calls]
        called = [0, *accumulate(call for _, call in self.calls)]
        return [
            called[bisect_left(at, start + MINUTE_MS)] - called[index]
            for index, start in enumerate(at)
            if start + MINUTE_MS <= at[-1]
        ]


@settings(max_examples=12)
@given(
    per_minute=st.integers(1, 200_000),
    gaps=st.lists(st.integers(20, 500), min_size=20, max_size=40),
)
def test_any_minute_is_within_two_percent_of_the_target(per_minute: int, gaps: Sequence[int]) -> None:
    """However irregular the steps, half a second apart at most; a person more or less is no percentage."""
    crowd = Crowd(replace(WIDE, outflow_per_minute=per_minute))
    for _ in range(5):
        crowd.step(200)  # begins
    while crowd.calls[-1][0] - crowd.calls[0][0] < 2 * MINUTE_MS:
        for gap in gaps:
            crowd.step(gap)

    minutes = crowd.in_minutes()

    assert min(minutes) >= per_minute * 0.98 - 1
    assert max(minutes) <= per_minute * 1.02 + 1


@settings(max_examples=50)
@given(
    per_minute=st.integers(1, 200_000),
    steps=st.lists(st.tuples(st.integers(0, 20_000), st.booleans(), st.booleans()), min_size=1, max_size=60),
)
def test_no_step_is_a_burst(per_minute: int, steps: Sequence[tuple[int, bool, bool]]) -> None:
    """After any gap, pause, or steps that could not be done: 1.1 s of outflow at most, and one person."""
    crowd = Crowd(replace(WIDE, outflow_per_minute=per_minute))

    for after_ms, may_call, moves in steps:
        call = crowd.step(after_ms, may_call=may_call, moves=moves)
        assert call <= max(1, per_minute * 0.5 / 60) + per_minute * 0.6 / 60
        assert may_call or not call


def test_a_pause_calls_nobody_loses_nobody_and_ends_evenly() -> None:
    """The next number after the pause is the one that was next before it."""
    crowd = Crowd(WIDE)
    for _ in range(300):
        crowd.step(200)
    before = crowd.seen.serving
    for _ in range(3_000):
        crowd.step(200, may_call=False)
    assert crowd.seen.serving == before

    for _ in range(301):
        crowd.step(200)

    assert crowd.seen.serving - before == pytest.approx(600, rel=0.02)


@settings(max_examples=40)
@given(
    cap=st.integers(1, 500),
    moves=st.lists(
        st.tuples(
            st.integers(0, 300),  # join
            st.integers(0, 100),  # claim, if they may
            st.integers(0, 100),  # leave with a pass
            st.integers(0, 60),  # miss their window
        ),
        min_size=5,
        max_size=80,
    ),
)
def test_calls_stay_within_the_line_the_cap_and_its_bounds(
    cap: int, moves: Sequence[tuple[int, int, int, int]]
) -> None:
    """Never somebody who has not joined; never more expected than the slots and those called ahead."""
    outflow = Outflow(Room("r", 60_000, cap, 60_000, 300_000))
    seen = Observed(0, 0, 0, 0, 0, 0, 0, 0, 0)
    for join, claim, leave, miss in moves:
        seen = replace(seen, now_ms=seen.now_ms + 200, issued=seen.issued + join)
        claim = min(claim, seen.to_claim, cap - seen.active)
        seen = replace(
            seen, to_claim=seen.to_claim - claim, active=seen.active + claim, claimed=seen.claimed + claim
        )
        seen = replace(seen, active=seen.active - min(leave, seen.active))
        miss = min(miss, seen.to_claim)
        expired = seen.serving - (seen.to_claim - miss)
        seen = replace(seen, to_claim=seen.to_claim - miss, missed=seen.missed + miss, expired=expired)

        step = outflow.step(seen, None, may_call=True)

        assert 0 <= step.call <= seen.issued - seen.serving
        assert seen.to_claim + step.call <= max(seen.to_claim, cap * UNCLAIMED_CAPS_MAX)
        silent = (1 - step.show_rate) * (seen.serving - seen.expired)
        to_come = max(0.0, seen.to_claim - silent)
        if step.call:
            assert seen.active + to_come + step.call * step.show_rate <= cap * (1 + AHEAD_SHARE_MAX) + 1e-6
        assert step.at_once <= max(0, cap - seen.active)
        seen = replace(seen, serving=seen.serving + step.call, to_claim=seen.to_claim + step.call)


def test_joins_admitted_at_once_are_taken_from_the_outflow() -> None:
    """A room where nobody waits lets in at once what is saved up, and not as much again a step later."""
    crowd = Crowd(WIDE, waiting=0)
    crowd.step(200)
    crowd.seen = replace(crowd.seen, now_ms=crowd.seen.now_ms + 200)
    at_once = crowd.outflow.step(crowd.seen, None, may_call=True).at_once
    assert 1 <= at_once <= 5

    crowd.seen = replace(crowd.seen, issued=at_once + 100, serving=at_once, active=at_once, claimed=at_once)

    assert crowd.step(200) <= 2


def test_nobody_is_let_in_at_once_where_people_wait() -> None:
    """The credit is the line's: a newcomer goes behind it."""
    crowd = Crowd(WIDE)

    for _ in range(20):
        crowd.step(200)

    crowd.seen = replace(crowd.seen, now_ms=crowd.seen.now_ms + 200)
    assert crowd.outflow.step(crowd.seen, None, may_call=True).at_once == 0


def test_steps_that_could_not_be_done_are_not_made_up_for() -> None:
    """The journal refuses for a minute: the controller asks for the same few again, not for ever more."""
    crowd = Crowd(WIDE)
    for _ in range(300):
        crowd.step(200, moves=False)

    assert crowd.step(200) <= 0.5 * 10 + 2 + 1


def test_an_unwell_origin_is_sent_fewer() -> None:
    """A fifth of errors for a minute takes the outflow below a tenth; good news bring it back."""
    crowd = Crowd(WIDE)
    for _ in range(300):
        crowd.step(200, health=Health(80, 20, 50.0))
    ill = sum(call for at, call in crowd.calls if at > crowd.seen.now_ms - 5_000)
    for _ in range(600):
        crowd.step(200, health=Health(100, 0, 50.0))
    well = sum(call for at, call in crowd.calls if at > crowd.seen.now_ms - 5_000)

    assert ill <= 5
    assert well == pytest.approx(50, abs=2)


def test_nobody_is_called_for_stock_that_others_may_still_take() -> None:
    """With 10 left 10 are called, not the 1,000 that slots are free for; one who misses it frees one."""
    crowd = Crowd(replace(WIDE, outflow_per_minute=60_000, stock=10))
    for _ in range(50):
        crowd.step(200)
    assert crowd.seen.serving == 10

    crowd.seen = replace(crowd.seen, to_claim=9, missed=1)
    crowd.step(200)
    assert crowd.seen.serving == 11


@pytest.mark.parametrize("steps", [0, 1, 700])
def test_the_next_leader_goes_on_from_what_the_last_one_knew(steps: int) -> None:
    """All that was learned fits in 2 KiB and is the same when it is read again."""
    crowd = Crowd(replace(WIDE, active_cap=400))
    for step in range(steps):
        crowd.step(200)
        claim = min(crowd.seen.to_claim, 400 - crowd.seen.active, 2)
        gone = 1 if step % 3 == 0 and crowd.seen.active else 0
        crowd.seen = replace(
            crowd.seen,
            to_claim=crowd.seen.to_claim - claim,
            claimed=crowd.seen.claimed + claim,
            active=crowd.seen.active + claim - gone,
        )

    remembered = crowd.outflow.remember()

    assert len(remembered) <= MEMORY_BYTES_MAX
    assert Outflow(crowd.outflow.room, remembered).remember() == remembered


@given(st.binary(max_size=2_500))
def test_a_memory_that_is_none_is_a_fresh_start(raw: bytes) -> None:
    """Whatever bytes the journal has: the controller begins anew instead of failing."""
    assert Outflow(WIDE, raw).remember() == Outflow(WIDE).remember()


def test_a_change_of_the_room_holds_from_the_next_step() -> None:
    """Twice the outflow is twice as many called in the next minute."""
    crowd = Crowd(WIDE)
    for _ in range(300):
        crowd.step(200)
    crowd.outflow.room = replace(WIDE, outflow_per_minute=1_200)

    before = crowd.seen.serving
    for _ in range(300):
        crowd.step(200)

    assert crowd.seen.serving - before == pytest.approx(1_200, rel=0.02)


def test_totals_that_began_lower_after_a_loss_neither_burst_nor_stop() -> None:
    """The store was restored: serving went back by a little, claims too."""
    crowd = Crowd(WIDE)
    for _ in range(300):
        crowd.step(200)
    crowd.seen = replace(crowd.seen, serving=crowd.seen.serving - 50, claimed=0)

    before = crowd.seen.serving
    for _ in range(301):
        crowd.step(200)

    assert crowd.seen.serving - before == pytest.approx(600, rel=0.02)
