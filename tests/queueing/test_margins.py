"""The edges find the interval that holds eight cases of ten, at each distance for itself."""

import random

import pytest

from queueing.margins import FIRST, LEAST, Margins
from queueing.pace import NODES_MS, spread_at


@pytest.mark.parametrize("scatter", [0.1, 0.4, 1.0])
def test_eight_of_ten_cases_fall_inside(scatter: float) -> None:
    """However scattered the waits are."""
    assert 0.77 <= held(0.0, scatter) <= 0.83


@pytest.mark.parametrize("centre", [-0.3, 0.3])
def test_where_all_waits_are_longer_or_shorter_no_fewer_do(centre: float) -> None:
    """An edge never passes the expected wait, so they may be more."""
    assert 0.77 <= held(centre, 0.2) <= 0.92


def held(centre: float, scatter: float) -> float:
    """The share of 3,000 cases inside, after 1,000 to learn from."""
    draw = random.Random(1)
    margins, inside = Margins(), 0
    for case in range(4_000):
        score = draw.gauss(centre, scatter)
        low, high = spread_at(margins.spread, 300_000)
        inside += case >= 1_000 and low <= score <= high
        margins.learn(300_000, score)
    return inside / 3_000


def test_it_follows_a_change() -> None:
    """Waits become three times as scattered: after a few hundred cases the interval holds again."""
    draw = random.Random(2)
    margins, inside = Margins(), 0
    for _ in range(2_000):
        margins.learn(300_000, draw.gauss(0, 0.1))
    for _ in range(500):
        margins.learn(300_000, draw.gauss(0, 0.3))
    for _ in range(1_000):
        low, high = spread_at(margins.spread, 300_000)
        score = draw.gauss(0, 0.3)
        inside += low <= score <= high
        margins.learn(300_000, score)

    assert 0.75 <= inside / 1_000 <= 0.85


def test_the_near_and_the_far_learn_apart() -> None:
    """Once something is known of both."""
    margins = Margins()
    for _ in range(10):
        margins.learn(NODES_MS[2], 0.0)
    far = margins.spread[2]
    for _ in range(500):
        margins.learn(NODES_MS[0], 1.0)

    assert margins.spread[0][1] > 0.9
    assert margins.spread[2] == far


def test_a_distance_nobody_waited_follows_the_nearer_one_until_it_is_learned_from() -> None:
    """What is known of a minute is taken for an hour until somebody waited one."""
    margins = Margins()
    for _ in range(300):
        margins.learn(NODES_MS[1], 1.5)
    assert margins.spread[4][1] > FIRST[4][1]

    for _ in range(2_000):
        margins.learn(NODES_MS[4] * 2, 0.0)
    assert margins.spread[4][1] < FIRST[4][1]


def test_an_hour_without_surprise_does_not_make_it_certain() -> None:
    """Waits exactly as expected narrow the edges to a least width."""
    margins = Margins()
    for _ in range(10_000):
        margins.learn(300_000, 0.0)

    assert margins.spread[2] == pytest.approx(LEAST[2])
