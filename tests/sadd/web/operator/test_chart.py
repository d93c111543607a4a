"""The chart that is drawn here."""

import re

from hypothesis import given
from hypothesis import strategies as st

from sadd.web.operator.chart import HEIGHT, LEFT, WIDTH, Line, drawn

NOW = 1_800_000_000_000
HOUR = 3_600_000

values = st.lists(st.none() | st.floats(0, 1e9), min_size=1, max_size=60)


@given(values)
def test_every_point_is_inside_the_picture(line: list[float | None]) -> None:
    """Whatever the numbers; as many points as values that are there."""
    times = [NOW - 60_000 * n for n in range(len(line))][::-1]
    picture = drawn(times, [Line("line", line)], NOW, HOUR)
    [(_, path)] = picture.paths
    points = [tuple(map(float, pair)) for pair in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]
    assert len(points) == sum(value is not None for value in line)
    assert all(LEFT <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


def test_a_gap_breaks_the_line() -> None:
    """No stroke is drawn over what nobody measured."""
    times = [NOW - 60_000 * n for n in range(4)][::-1]
    [(_, path)] = drawn(times, [Line("line", [1, None, 2, 3])], NOW, HOUR).paths
    assert re.sub(r"[\d. ]", "", path) == "MML"


def test_the_scale_ends_at_a_round_number() -> None:
    """1, 2 or 5 times a power of ten, the least that holds all."""
    scales = {
        most: drawn([NOW], [Line("line", [most])], NOW, HOUR).rises[-1].text
        for most in (0, 1, 1.5, 340, 501, 1_000, 999_999)
    }
    assert list(scales.values()) == ["1", "1", "2", "500", "1,000", "1,000", "1,000,000"]


def test_minutes_are_told_from_now_back() -> None:
    """Now at the right edge."""
    minutes = drawn([], [], NOW, HOUR).minutes
    assert [tick.text for tick in minutes] == ["0", "15", "30", "45", "60"]
    assert (minutes[0].at, minutes[-1].at) == (WIDTH, LEFT)
