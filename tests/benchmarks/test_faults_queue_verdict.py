"""The judge of a fault campaign sees each kind of wrong in a log, and nothing wrong where nothing is."""

from pathlib import Path

import pytest

from benchmarks.faults_queue_verdict import Span, Verdict, judge, read

S = 1_000_000_000
CLEAN = """\
J 1 10 100
S 1 10 waiting 100
S 1 10 called 200
A 1 10 passA 900 300
A 1 10 passA 900 310
L 1 10 400
J 2 11 110
A 2 11 passB 900 500
L 2 11 600
"""


def _judged(folder: Path, log: str, cap: int = 1, numbers: set[int] | None = None) -> Verdict:
    (folder / "log").write_text(log)
    known = set() if numbers is None else numbers
    return judge(read(folder / "log"), cap=cap, numbers=known, span=Span(0, 10 * S, mended_ns=250))


def test_nothing_is_wrong_with_a_log_in_which_nothing_is(tmp_path: Path) -> None:
    """A claim that was repeated is one admission; who left made room for the next."""
    verdict = _judged(tmp_path, CLEAN)

    assert verdict.clean
    assert (verdict.joined, verdict.admitted, verdict.most_inside) == (2, 2, 1)


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("J 3 11 120\n", {"numbers_twice": 1}),
        ("S 1 12 waiting 700\n", {"places_lost": 1}),
        ("R 2 invalid-ticket 700\n", {"places_lost": 1}),
        ("J 3 12 120\nS 3 12 called 130\nS 3 12 expired 700\n", {"places_lost": 1}),
        ("J 3 12 120\nS 3 12 expired 700\nS 3 13 waiting 800\n", {"places_lost": 1}),
        ("U 2 700\n", {"unanswered": 1}),
        ("A 1 10 passC 900 390\n", {"double_admissions": 1}),
        ("J 3 12 120\nA 3 12 passA 900 450\nL 3 12 460\n", {"double_admissions": 1}),
        ("J 3 12 120\nA 3 12 passD 900 350\n", {"over_cap": 1}),
    ],
)
def test_each_wrong_is_counted_for_what_it_is(tmp_path: Path, more: str, found: dict[str, int]) -> None:
    """And for nothing else."""
    verdict = _judged(tmp_path, CLEAN + more)

    assert not verdict.clean
    wrong = {"places_lost", "numbers_twice", "double_admissions", "over_cap", "unanswered"}
    assert {name: value for name in wrong if (value := getattr(verdict, name))} == found


def test_a_number_of_an_earlier_round_is_a_number_twice(tmp_path: Path) -> None:
    """And this round's numbers are known to the next."""
    numbers = {11}

    assert _judged(tmp_path, CLEAN, numbers=numbers).numbers_twice == 1
    assert numbers == {10, 11}


def test_a_pass_that_ended_holds_no_slot(tmp_path: Path) -> None:
    """Who never left is inside until the end of his pass, in whole seconds."""
    first = f"J 1 1 0\nA 1 1 a 5 {1 * S}\n"

    assert _judged(tmp_path, first + f"J 2 2 0\nA 2 2 b 9 {5 * S}\n").clean
    assert _judged(tmp_path, first + f"J 2 2 0\nA 2 2 b 9 {5 * S - 1}\n").over_cap == 1


def test_the_longest_time_without_an_admission_is_told(tmp_path: Path) -> None:
    """Between admissions, before the first, or after the last."""
    log = f"J 1 1 0\nA 1 1 a 9 {1 * S}\nL 1 1 {2 * S}\nJ 2 2 0\nA 2 2 b 9 {8 * S}\nL 2 2 {9 * S}\n"

    assert _judged(tmp_path, log).stood_still_s == 7


def test_a_turn_that_a_fault_let_pass_and_that_comes_again_is_no_place_lost(tmp_path: Path) -> None:
    """The number is the same, and he gets in."""
    again = "J 3 12 120\nS 3 12 expired 130\nS 3 12 waiting 140\nA 3 12 passE 900 700\n"

    assert _judged(tmp_path, CLEAN + again).clean


def test_a_room_that_lets_nobody_in_any_more_is_stuck(tmp_path: Path) -> None:
    """Though nothing else is wrong: it is what people would notice first."""
    stuck = _judged(tmp_path, "J 1 1 0\nA 1 1 a 9 200\nL 1 1 210\nJ 2 2 260\nS 2 2 waiting 270\n")

    assert stuck.stuck == 1
    assert not stuck.clean


def test_a_line_that_was_cut_short_is_none(tmp_path: Path) -> None:
    """The crowd may be stopped while it writes."""
    assert _judged(tmp_path, CLEAN + "J 3 1").joined == 2
