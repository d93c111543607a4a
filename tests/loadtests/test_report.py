"""The report file."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from loadtests import report
from loadtests.rehearsal import Run
from loadtests.scenario import load
from tests.loadtests.crowds import origin, run, tally

LOADS_FROM_OUTSIDE = re.compile(r"""(?:src|href|xlink:href)\s*=\s*["'](?!#)|url\((?!#|"#)|@import""")


def both() -> list[Run]:
    return [
        run("bare", tally(ms=7000, served_well=2, failed=8), origin(highest=120, over=80)),
        run("protected", tally(served_well=9, queued=1), origin()),
    ]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> report.Written:
    return report.write(tmp_path_factory.mktemp("report"), load("results-day"), both(), "sadd demo --exit")


def test_it_opens_offline(written: report.Written) -> None:
    """Nothing is loaded from anywhere: no script, no link, no style or picture with an address."""
    html = written.html.read_text(encoding="utf-8")

    assert LOADS_FROM_OUTSIDE.findall(html) == []
    assert "<script" not in html


def test_it_is_well_formed(written: report.Written) -> None:
    """Every element that is opened is closed, and no id stands twice."""
    checker = Nesting()
    checker.feed(written.html.read_text(encoding="utf-8"))

    assert checker.open == []
    assert len(checker.ids) == len(set(checker.ids))


def test_both_runs_stand_side_by_side(written: report.Written) -> None:
    """Four pictures, each with both runs, and a table of both."""
    html = written.html.read_text(encoding="utf-8")

    assert html.count("<svg") == 4
    assert all(svg.count(">bare<") == svg.count(">protected<") == 1 for svg in html.split("<svg")[1:][:3])
    assert "<td>9 (90%)</td>" in html


def test_it_says_how_it_was_made(written: report.Written) -> None:
    """Source of the shape and its flaw, seed, command, versions, and what latency means."""
    html, scenario = written.html.read_text(encoding="utf-8"), load("results-day")

    for words in (
        "eboardresults.com",
        "captcha",
        str(scenario.seed),
        "sadd demo --exit",
        "locust",
        "Latency",
    ):
        assert words in html


def test_the_verdict_is_json(written: report.Written) -> None:
    """Met or not, with each finding of each run."""
    verdict = json.loads(written.verdict.read_text(encoding="utf-8"))

    assert verdict["met"] is True
    assert [run["name"] for run in verdict["runs"]] == ["bare", "protected"]
    assert verdict["runs"][0]["met"] is False


def test_one_run_without_an_origin_is_enough(tmp_path: Path) -> None:
    """A report of a foreign target has no picture of its inside."""
    made = report.write(
        tmp_path, load("results-day"), [run("target", tally(served_well=2))], "sadd loadtest run"
    )

    assert made.html.read_text(encoding="utf-8").count("<svg") == 3


class Nesting(HTMLParser):
    VOID = frozenset({"meta", "br", "input", "link", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
