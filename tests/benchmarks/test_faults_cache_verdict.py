"""The judge of the campaign of the cache sees what is too old, too much or silent, and nothing else."""

from pathlib import Path

import pytest

from benchmarks.faults_cache import main
from benchmarks.faults_cache_verdict import Verdict, judge, read
from benchmarks.forgiven import NOTHING, Span

MS = 1_000_000
READER = f"""\
L 0 0 {1 * MS} {3 * MS}
F 0 0 {1 * MS} {4 * MS}
N 0 0 {5 * MS} {5 * MS}
N 0 0 {90 * MS} {90 * MS}
L 0 0 {95 * MS} {99 * MS}
F 0 1 {94 * MS} {99 * MS}
N 0 1 {500 * MS} {500 * MS}
A 0 away {501 * MS} {502 * MS}
"""
WRITER = f"P 0 1 {8 * MS} {10 * MS}\n"


def _judged(folder: Path, reader: str = "", writer: str = "", forgiven: Span = NOTHING) -> Verdict:
    (folder / "reader").write_text(READER + reader)
    (folder / "writer").write_text(WRITER + writer)
    keys = read([folder / "reader", folder / "writer"])
    return judge(keys, bound_ms=100, workers=1, mended_ns=200 * MS, forgiven=forgiven)


def test_nothing_is_wrong_with_a_log_in_which_nothing_is(tmp_path: Path) -> None:
    """What is old within the bound is told and no wrong."""
    verdict = _judged(tmp_path)

    assert verdict.clean
    assert (verdict.near, verdict.answers, verdict.purges, verdict.loads, verdict.away) == (3, 5, 1, 2, 1)
    assert verdict.oldest_ms == 80


@pytest.mark.parametrize(
    ("reader", "found"),
    [
        (f"N 0 0 {111 * MS} {111 * MS}\n", {"too_old": 1}),
        (f"F 0 0 {111 * MS} {130 * MS}\n", {"too_old": 1}),
        (f"L 0 1 {2 * MS} {9 * MS}\n", {"over_cap": 1}),
        (f"N 0 0 {90 * MS} {900 * MS}\n", {}),
        (f"N 0 0 {111 * MS}", {}),
    ],
    ids=["memory", "store", "two loads", "asked in time", "a line that was cut short"],
)
def test_each_wrong_is_counted_for_what_it_is(tmp_path: Path, reader: str, found: dict[str, int]) -> None:
    """And for nothing else."""
    verdict = _judged(tmp_path, reader)

    assert {
        name: value for name in ("too_old", "over_cap", "deaf") if (value := getattr(verdict, name))
    } == found


def test_the_first_purge_that_was_missed_says_how_old_it_is(tmp_path: Path) -> None:
    """Not the last one, which came a moment ago."""
    verdict = _judged(tmp_path, f"N 0 0 {620 * MS} {620 * MS}\n", f"P 0 2 {618 * MS} {619 * MS}\n")

    assert (verdict.too_old, verdict.oldest_ms) == (1, 610)


def test_what_a_fail_over_may_forget_is_forgiven(tmp_path: Path) -> None:
    """By when the purge was acknowledged; later ones are not."""
    old = f"N 0 0 {150 * MS} {150 * MS}\n"
    spared = _judged(tmp_path, old, forgiven=Span(9 * MS, 20 * MS))
    held = _judged(tmp_path, old, f"P 0 2 {29 * MS} {30 * MS}\n", forgiven=Span(9 * MS, 20 * MS))

    assert (spared.clean, spared.forgiven) == (True, 2)
    assert held.too_old == 2, "that of 150 ms, and that of 500"


def test_a_memory_that_stays_silent_is_deaf(tmp_path: Path) -> None:
    """Once the fault is over each reader that is asked answers from it again."""
    (tmp_path / "other").write_text(f"F 0 1 {300 * MS} {301 * MS}\n")
    _judged(tmp_path)
    keys = read([tmp_path / "reader", tmp_path / "other", tmp_path / "writer"])

    assert judge(keys, bound_ms=100, workers=1, mended_ns=200 * MS).deaf == 1


def test_a_campaign_of_nothing_proves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """No rounds are bad usage and not a clean table."""
    with pytest.raises(SystemExit) as ended:
        main(["--rounds", "0"])
    assert ended.value.code == 2
    assert "--rounds" in capsys.readouterr().err
