"""The verdict names what was missed."""

from pathlib import Path

import pytest

from loadtests.objectives import Verdict, judge, read_objectives
from loadtests.scenario import load
from loadtests.tally import Tally
from tests.loadtests.crowds import origin, tally

FOLDER = load("results-day").folder


def verdict(met: Tally, seen: dict[str, object] | None = None, expected: int = 100) -> Verdict:
    return judge(read_objectives(FOLDER), met, seen or origin(), expected=expected)


def missed(of: Verdict) -> list[str]:
    return [finding.name for finding in of.missed]


def test_a_good_morning_meets_all() -> None:
    """Nearly all served well, quick, within capacity: met, and the line says how many objectives."""
    good = verdict(tally(served_well=90, queued=9, failed=1))

    assert good.met
    assert good.line.startswith("met all")


@pytest.mark.parametrize("outcome", ["failed", "unfinished"])
def test_failed_citizens_are_named(outcome: str) -> None:
    """More than one in a hundred failed; a page that was open at the end counts as well."""
    assert missed(verdict(tally(served_well=98, **{outcome: 2}))) == ["failed citizens"]


def test_too_few_served_well_is_named() -> None:
    """Late and queued ones are not served well."""
    assert missed(verdict(tally(served_well=70, served_late=15, queued=15))) == ["served well"]


def test_a_slow_step_is_named() -> None:
    """Each step has its own p99."""
    met = tally(served_well=100)
    for _ in range(5):
        met.request("claim", 3000)

    assert missed(verdict(met)) == ["p99 of claim"]


def test_a_step_that_nobody_took_is_not_judged() -> None:
    """Where there was no room there is no p99 of polls."""
    met = tally(served_well=100)
    met.steps["poll"].latency.counts.clear()

    assert "p99 of poll" not in [finding.name for finding in verdict(met).findings]


def test_one_window_above_capacity_is_named() -> None:
    """Never means never."""
    assert missed(verdict(tally(served_well=100), origin(highest=41, over=1))) == [
        "origin within its capacity"
    ]


def test_a_late_or_busy_generator_is_named() -> None:
    """Beyond them the run says nothing about the service."""
    met = tally(served_well=100)
    met.cpu_share = 0.95
    for _ in range(5):
        met.lag.add(900)

    assert missed(verdict(met)) == ["generator on time", "generator not the bottleneck"]


def test_a_lost_generator_is_named() -> None:
    """Half of the crowd can not pass for the whole."""
    assert missed(verdict(tally(served_well=100), expected=200)) == ["whole crowd came"]


def test_an_origin_that_can_not_be_asked_is_not_judged() -> None:
    """Against a foreign target only what the crowd saw counts."""
    judged = judge(read_objectives(FOLDER), tally(served_well=100), None, expected=100)

    assert judged.met
    assert "origin within its capacity" not in [finding.name for finding in judged.findings]


def test_an_unknown_step_or_key_is_refused(tmp_path: Path) -> None:
    """A misspelt objective would otherwise be met for ever."""
    text = (FOLDER / "objectives.toml").read_text(encoding="utf-8")
    (tmp_path / "objectives.toml").write_text(text.replace("sign_in =", "signin ="), encoding="utf-8")
    with pytest.raises(ValueError, match="no step 'signin'"):
        read_objectives(tmp_path)

    (tmp_path / "objectives.toml").write_text(
        text.replace("failed_share_max", "failed_max"), encoding="utf-8"
    )
    with pytest.raises(ValueError, match="failed_max"):
        read_objectives(tmp_path)
