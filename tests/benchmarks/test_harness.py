"""The arithmetic of benchmarks, with samples by hand."""

import json
import random
from importlib import import_module

import pytest

from benchmarks.harness import (
    Report,
    Sample,
    Subject,
    at_least,
    at_most,
    estimate,
    interleave,
    quiet_rounds,
    ratio,
)


def subject(name: str, samples: list[Sample]) -> Subject[Sample]:
    source = iter(samples)

    async def turn() -> Sample:
        return next(source)

    return Subject(name, turn)


async def test_a_ratio_is_of_the_same_round() -> None:
    """A machine that is twice as slow in some rounds moves both rates and not their ratio."""
    speeds = [1.0, 1.0, 0.5, 1.0, 0.5, 0.25]
    subjects = [
        subject("ours", [Sample(300 * speed) for speed in speeds]),
        subject("theirs", [Sample(100 * speed) for speed in speeds]),
    ]
    samples = await interleave(subjects, 5, random.Random(1))
    found = ratio(samples["ours"], samples["theirs"], random.Random(1))
    assert (found.median, found.low, found.high) == (3.0, 3.0, 3.0)
    assert len(samples["ours"]) == 5  # the first round warmed up


async def test_rounds_that_others_disturbed_are_replaced() -> None:
    """Two of six were: four quiet ones are used, and the report's notes say how many were left out."""
    others = [0.0, 0.0, 0.9, 0.0, 0.5, 0.0, 0.0]
    run = await quiet_rounds([subject("ours", [Sample(1.0, others=o) for o in others])], 4, random.Random(1))
    assert [sample.others for sample in run.samples["ours"]] == [0.0] * 4
    assert (run.quiet, run.disturbed) == (4, 2)
    assert "4 quiet rounds used, 2 left out" in run.notes()[0]


async def test_too_few_quiet_rounds_are_told() -> None:
    """When others never stop all rounds are used, and the note says that ratios mean little."""
    run = await quiet_rounds([subject("ours", [Sample(1.0, others=0.9)] * 50)], 3, random.Random(1))
    assert len(run.samples["ours"]) == 12
    assert "mean little" in run.notes()[0]


def test_an_interval_holds_the_median() -> None:
    """Wider spread, wider interval."""
    narrow = estimate([1.0, 1.1, 0.9, 1.0, 1.05], random.Random(1))
    wide = estimate([1.0, 2.0, 0.5, 1.0, 3.0], random.Random(1))
    assert narrow.low <= narrow.median <= narrow.high
    assert wide.high - wide.low > narrow.high - narrow.low


@pytest.mark.parametrize(("measured", "met", "code"), [(8.0, True, 0), (7.99, False, 1), (None, None, 0)])
def test_a_goal_is_met_missed_or_not_measured(measured: float | None, met: bool | None, code: int) -> None:
    """What could not be measured is neither, and only a miss makes the exit code 1."""
    goal = at_least("ours against theirs", 8, measured, "x")
    report = Report("bench", {}, {}, [goal, at_most("errors", 0, 0, "errors")], {}, [])
    assert goal.met is met
    assert report.exit_code() == code
    told = json.loads(report.as_json())["goals"]
    assert [sorted(one) for one in told] == [["goal", "measured", "met", "name", "unit"]] * 2


@pytest.mark.parametrize("program", ["bench_queue", "bench_ratelimit", "bench_store", "faults_ratelimit"])
def test_a_wrong_word_is_one_line(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And exit code 2: nothing is measured."""
    with pytest.raises(SystemExit) as ended:
        import_module(f"benchmarks.{program}").main(["--colour"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
