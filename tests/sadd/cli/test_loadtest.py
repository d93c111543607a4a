import json

import pytest

from tests.sadd.cli.conftest import Sadd


def test_list_as_json(sadd: Sadd) -> None:
    """Every scenario with its figures, for programs."""
    ended = sadd("loadtest", "list", "--json")

    first = json.loads(ended.out)[0]
    assert ended.code == 0
    assert first["name"] == "results-day"
    assert first["capacity"] == 40


def test_list_for_people(sadd: Sadd) -> None:
    """The name that run takes, and what the scenario is."""
    out = sadd("loadtest", "list").out

    assert "results-day" in out
    assert "A results morning" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["results-dya"], "there is: results-day"),
        (["results-day", "--scale", "0"], "--scale 0 is not accepted"),
        (["results-day", "--seconds", "0.5"], "--seconds 0.5 is not accepted"),
        (["results-day", "--target", "example.gov"], "is not accepted: http(s)://host"),
        (["results-day", "--target", "https://moehe.gov.example"], "--allow-remote"),
    ],
)
def test_what_can_not_be_played_is_refused(sadd: Sadd, words: list[str], said: str) -> None:
    """Wrong words end with 2 and a reason, before anything is started; a crowd leaves only on demand."""
    ended = sadd("loadtest", "run", *words)

    assert ended.code == 2
    assert said in ended.err


def test_a_target_that_is_not_there_meets_no_crowd(sadd: Sadd) -> None:
    """Nobody listens: said at once, instead of after a whole crowd has failed."""
    ended = sadd("loadtest", "run", "results-day", "--target", "http://127.0.0.1:9")

    assert ended.code == 1
    assert ended.err == "sadd loadtest run: nobody listens at http://127.0.0.1:9\n"
