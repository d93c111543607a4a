"""The reader of admissions finds every span with too many, and no other."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.admissions import NS, Admission, Limit, judge, read

GCRA = Limit(limit=10, period_seconds=1, burst=3)
WINDOWS = Limit(limit=10, period_seconds=1, burst=0)


def excess(*admissions: Admission) -> int:
    return max(0, judge({"key": sorted(admissions)}, GCRA, began_ns=0, ended_ns=NS).excess)


def at(ms: int, took_ms: int = 0) -> Admission:
    return Admission(ms * NS // 1000, (ms + took_ms) * NS // 1000)


def test_a_burst_and_the_rate_are_allowed() -> None:
    """Three at once, then one each 100 ms."""
    assert excess(at(0), at(0), at(0), at(100), at(200), at(300)) == 0


def test_one_too_many_at_once_is_found() -> None:
    """A fourth within the burst's moment."""
    assert excess(at(0), at(0), at(0), at(1)) == 1


def test_a_span_anywhere_is_looked_at() -> None:
    """A quiet beginning does not hide a crowd later."""
    assert excess(at(0), at(5000), at(5000), at(5000), at(5000), at(5001)) == 2


def test_what_may_lie_outside_of_a_span_is_not_counted() -> None:
    """An answer that took half a second may have been decided at any moment of it."""
    assert excess(at(0), at(0), at(0), at(0, took_ms=500)) == 0


@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 300)), max_size=25))
def test_it_agrees_with_looking_at_every_pair(drawn: list[tuple[int, int]]) -> None:
    """The worst span of all that begin where one was asked for and end where one was told."""
    admissions = [at(ms, took) for ms, took in drawn]
    worst = 0
    for first in admissions:
        for last in admissions:
            inside = sum(a.asked_ns >= first.asked_ns and a.told_ns <= last.told_ns for a in admissions)
            allowed = GCRA.burst + int((last.told_ns - first.asked_ns) / NS * GCRA.limit + 1e-6)
            if last.told_ns >= first.told_ns:
                worst = max(worst, inside - allowed)
    assert excess(*admissions) == worst


def test_a_line_that_was_cut_off_is_no_admission(tmp_path: Path) -> None:
    """A worker that was killed in the middle of a line had told nobody."""
    file = tmp_path / "admissions"
    file.write_text("a 1 2\nb 3 4\na 5 6\na 7")
    assert read([file]) == {"a": [Admission(1, 2), Admission(5, 6)], "b": [Admission(3, 4)]}


def test_what_was_not_admitted_is_told_as_a_share() -> None:
    """Ten seconds at ten a second and a burst of three could admit 103; a hundred of them came through."""
    admissions = {"key": [at(100 * number) for number in range(100)]}
    verdict = judge(admissions, GCRA, began_ns=0, ended_ns=10 * NS)
    assert (verdict.admitted, verdict.possible) == (100, 103)
    assert round(verdict.under, 3) == 0.029


def test_fixed_windows_are_counted_each_by_itself() -> None:
    """Ten at the end of one window and ten at the start of the next are no fault; an eleventh is."""
    around = [at(990), at(995)] * 5 + [at(1005), at(1010)] * 5
    verdict = judge({"key": sorted(around)}, WINDOWS, began_ns=NS // 2, ended_ns=3 * NS // 2)
    assert (verdict.excess, verdict.admitted, verdict.possible) == (0, 20, 20)
    one_more = judge({"key": sorted([*around, at(1500)])}, WINDOWS, began_ns=0, ended_ns=NS)
    assert one_more.excess == 1


def test_what_may_lie_in_either_window_counts_in_none() -> None:
    """Asked for in one window and told in the next."""
    across = [at(999, took_ms=2)] * 11
    assert judge({"key": across}, WINDOWS, began_ns=0, ended_ns=NS).excess <= 0
