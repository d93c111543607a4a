"""The judge of the campaign of sessions sees each kind of wrong, and forgives what a class may lose."""

from pathlib import Path

import pytest

from benchmarks.faults_session import main
from benchmarks.faults_session_verdict import Verdict, judge, read
from benchmarks.forgiven import NOTHING, Span

CLEAN = """\
C a durable id1 100 110
B a change 1 120 120
W a 1 120 130
G a 1 140 150
B a turn 1 160 160
T a id2 160 170
G a 1 180 190
B a leave 1 200 200
E a 200 210
X a 220 230
C b hot id3 100 110
B b change 1 120 120
W b 1 120 130
G b 1 140 150
"""


def _judged(folder: Path, log: str, forgiven: Span = NOTHING) -> Verdict:
    (folder / "log").write_text(log)
    return judge(read([folder / "log"]).values(), forgiven)


def test_nothing_is_wrong_with_a_log_in_which_nothing_is(tmp_path: Path) -> None:
    """Signed in, changed, another id, signed out and gone."""
    verdict = _judged(tmp_path, CLEAN)

    assert verdict.clean
    assert (verdict.signed_in, verdict.changed, verdict.turned, verdict.signed_out) == (2, 2, 1, 1)


WRONG = ("revoked_alive", "durable_lost", "durable_undone", "hot_lost", "two_ids", "untold")


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("G a 1 240 250\n", "revoked_alive"),
        ("C c durable id9 100 110\nX c 120 130\n", "durable_lost"),
        ("C c durable id9 100 110\nW c 1 120 130\nG c 0 140 150\n", "durable_undone"),
        ("X b 160 170\n", "hot_lost"),
        ("G b 0 160 170\n", "hot_lost"),
        ("D b 160 170\n", "two_ids"),
        ("U b 160 170\n", "untold"),
    ],
)
def test_each_wrong_is_counted_for_what_it_is(tmp_path: Path, more: str, found: str) -> None:
    """And for nothing else."""
    verdict = _judged(tmp_path, CLEAN + more)

    assert not verdict.clean
    assert {name: getattr(verdict, name) for name in WRONG if getattr(verdict, name)} == {found: 1}


@pytest.mark.parametrize(
    ("span", "clean"), [(Span(105, 115), True), (Span(111, 500), False), (Span(0, 109), False)]
)
def test_hot_may_lose_what_the_fault_may_cost(tmp_path: Path, span: Span, clean: bool) -> None:
    """By when it was acknowledged, not by when it was missed."""
    verdict = _judged(tmp_path, CLEAN + "X b 160 170\n", span)

    assert verdict.clean is clean
    assert verdict.hot_forgiven == int(clean)


def test_durable_and_sign_outs_are_never_forgiven(tmp_path: Path) -> None:
    """Whatever the fault may cost the other class."""
    lost = "C c durable id9 100 110\nX c 120 130\nG a 1 240 250\n"
    lost += "C d hot id8 100 110\nE d 120 130\nG d 0 140 150\n"
    verdict = _judged(tmp_path, CLEAN + lost, Span(0, 1_000))

    assert (verdict.durable_lost, verdict.revoked_alive) == (1, 2)


@pytest.mark.parametrize(
    "doubt",
    [
        "B b turn 1 160 160\nA b 160 170\n",
        "B b leave 1 160 160\nA b 160 170\nX b 180 190\n",
        "B b change 2 160 160\nA b 160 170\nG b 2 180 190\n",
        "X b 1",
    ],
    ids=["another id", "sign-out", "change", "a line that was cut short"],
)
def test_what_is_in_doubt_is_no_wrong(tmp_path: Path, doubt: str) -> None:
    """Of what was asked for and never acknowledged either may be."""
    assert _judged(tmp_path, CLEAN + doubt).clean


@pytest.mark.parametrize("words", [["--rounds", "0"], ["--people", "0"]])
def test_a_campaign_of_nothing_proves_nothing(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """No rounds, or nobody who signs in, is bad usage and not a clean table."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err
