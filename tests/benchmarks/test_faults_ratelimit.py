"""One round of the fault campaign; the campaign itself is ``sadd faults ratelimit --rounds N``."""

import json

import pytest

from benchmarks import faults_ratelimit
from benchmarks.admissions import Verdict


@pytest.mark.timeout(60)
def test_a_round_in_which_the_store_is_killed(capsys: pytest.CaptureFixture[str]) -> None:
    """It comes back with its file, and no span of any key holds more than the limit."""
    verdict = faults_ratelimit.play("the store is killed", seed=1)
    assert verdict.admitted > 500
    assert verdict.excess <= 0


def test_too_many_fail_the_campaign(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One unit too many in one round is exit code 1, and the round is named."""
    rounds = iter([0, 1])

    def play(name: str, seed: int) -> Verdict:
        return Verdict(10, 20, next(rounds))

    monkeypatch.setattr(faults_ratelimit, "play", play)
    assert faults_ratelimit.main(["--rounds", "2", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [(one["fault"], one["excess"], one["under"]) for one in told] == [
        ("a worker is killed", 0, 0.5),
        ("a worker freezes", 1, 0.5),
    ]
