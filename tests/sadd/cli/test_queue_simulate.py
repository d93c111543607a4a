"""``sadd queue simulate``: tables, JSON, pictures and answers; the page about it tells the truth."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sadd.cli.conftest import Sadd

PAGE = Path(__file__).parents[3] / "docs" / "queue-simulation.md"
SMALL = ("queue", "simulate", "--people", "2000", "--minutes", "5", "--outflow", "300")


def shown() -> Iterator[tuple[str, str]]:
    """Each command that the page shows with its output, and that output."""
    for block in re.findall(r"```console\n\$ (.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        command, _, output = block.partition("\n")
        yield command, output


@pytest.mark.parametrize(("command", "output"), list(shown()))
def test_the_page_shows_what_the_command_prints(sadd: Sadd, command: str, output: str) -> None:
    """But for the time that it took to compute."""
    ended = sadd(*shlex.split(command)[1:])

    assert ended.code == 0
    assert _timeless(ended.out) == _timeless(output)


def _timeless(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("computed in")]


def test_json_has_the_summary_and_the_rows(sadd: Sadd) -> None:
    """One object; without a question there is no answer in it."""
    told = json.loads(sadd(*SMALL, "--json").out)

    assert told["summary"]["arrived"] == 2_000
    assert told["summary"]["active_max"] <= told["room"]["active_cap"]
    assert len(told["rows"]) > 10
    assert "answer" not in told


def test_the_answer_is_in_the_json_too(sadd: Sadd) -> None:
    """The outflow that keeps three minutes, and the run that shows it."""
    told = json.loads(sadd(*SMALL, "--wait-minutes", "3", "--json").out)

    assert told["answer"]["outflow_per_minute"] > 100
    assert told["summary"]["wait_p95_s"] <= 180


@pytest.mark.parametrize("name", ["day.svg", "day.png"])
def test_a_picture_is_drawn(sadd: Sadd, name: str) -> None:
    """SVG or PNG, by the name."""
    ended = sadd(*SMALL, "--plot", name)

    assert ended.code == 0
    assert Path(name).stat().st_size > 10_000


def test_the_same_run_is_the_same_picture(sadd: Sadd) -> None:
    """Byte for byte, so a picture in the documentation changes only when a run does."""
    for name in ("one.svg", "two.svg"):
        sadd(*SMALL, "--plot", name)

    assert Path("one.svg").read_bytes() == Path("two.svg").read_bytes()


def test_a_cap_that_is_too_low_for_any_outflow_ends_with_one(sadd: Sadd) -> None:
    """Ten slots for 2,000 people within a minute: the answer is no."""
    ended = sadd(*SMALL, "--wait-minutes", "1", "--active-cap", "10")

    assert ended.code == 1
    assert "the cap of 10 is too low" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--people", "0"), "count is 0"),
        (("--people", "100000000"), "count is 1e+08"),
        (("--minutes", "nan"), "minutes is nan"),
        (("--show-rate", "1.2"), "show_rate is 1.2"),
        (("--outflow", "0"), "outflow_per_minute is 0"),
        (("--shape", "hill"), "'hill' is no shape"),
        (("--trouble", "flood:1:2"), "'flood:1:2'"),
        (("--wait-minutes", "-1"), "--wait-minutes"),
        (("--wait-share", "0"), "--wait-share"),
        (("--plot", "day.pdf"), ".svg or .png"),
        (("--plot", "nowhere/day.svg"), "a folder that exists"),
        (("--pass-s", "inf"), "cannot convert"),
        (("--seed", "-1"), "--seed"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_two(sadd: Sadd, words: tuple[str, ...], said: str) -> None:
    """It says what was wrong, and nothing is played."""
    ended = sadd("queue", "simulate", *words)

    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert not ended.out
