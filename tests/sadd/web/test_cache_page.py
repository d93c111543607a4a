"""The examples of docs/cache.md do what they show, in their order; its dashboard asks for what there is."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cache.stats import CacheStats
from sadd.feed.feed import FeedStats
from sadd.shield.shield import ShieldStats
from sadd.web.cache_events import EventsStats
from tests.sadd.web.cache_scene import Scene, cache_scene
from tests.sadd.web.callers import MOEHE

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/cache.md").read_text("utf-8")
DASHBOARD = json.loads((ROOT / "docs/grafana/cache.json").read_text("utf-8"))
KEY = MOEHE["Authorization"].removeprefix("Bearer ")
NUMBERS = re.compile(r"[0-9a-f]{32}|\d+")


@dataclass(frozen=True)
class Example:
    """A call of the page and what it shows of the answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    shown: list[str]


def examples() -> Iterator[Example]:
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for one in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = one.replace("\\\n", " ").split("\n")
            if command.startswith("curl "):
                yield _example(shlex.split(command.replace("$KEY", KEY).replace("$SADD", "")), shown)


def _example(words: list[str], shown: list[str]) -> Example:
    method, path, headers, body = "GET", "", {}, None
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word in ("-d", "--data-binary"):
            told = next(rest)
            body = b"<p>Results</p>\n" if told.startswith("@") else told.encode()
        elif word != "-i":
            path = word
    return Example(method, path, headers, body, [line for line in shown if line])


async def test_each_example_answers_as_it_shows(valkey_url: str) -> None:
    """Status, fields and body, but for numbers and tags; a token that was shown is the one that was given."""
    async with cache_scene(valkey_url) as scene:
        told: dict[str, str] = {}
        played = list(examples())
        for one in played:
            await _run(scene, one, told)
    assert len(played) >= 8


async def _run(scene: Scene, example: Example, told: dict[str, str]) -> None:
    """``told`` has the token and the tag of the answers before, by what the page calls them."""
    headers = {name: _as_told(value, told) for name, value in example.headers.items()}
    call = scene.server.client.request(example.method, example.path, headers=headers, data=example.body)
    async with call as answer:
        body = (await answer.read()).decode()
        lines = [
            f"HTTP/1.1 {answer.status} {answer.reason}",
            *(f"{k}: {v}" for k, v in answer.headers.items()),
        ]
    for shown in example.shown:
        given = [*lines, *body.split("\n")]
        same = [line for line in given if _plain(line) == _plain(shown)]
        assert same, f"{example.path} shows {shown!r} and answers {given}"
        told |= dict(zip(NUMBERS.findall(shown), NUMBERS.findall(same[0]), strict=True))


def _plain(line: str) -> str:
    return NUMBERS.sub("0", line).casefold()


def _as_told(value: str, told: dict[str, str]) -> str:
    found = NUMBERS.search(value)
    if found is None or found[0] not in told or len(found[0]) < 10:
        return value
    return value.replace(found[0], told[found[0]])


def families() -> set[str]:
    """Every metric of the cache as it is shown."""

    def of(prefix: str, stats: type[Any]) -> Iterator[str]:
        for one in fields(stats):
            yield f"{prefix}_{one.name}"
            yield f"{prefix}_{one.name}_total"

    return {
        *of("sadd_cache", CacheStats),
        *of("sadd_cache_events", EventsStats),
        *of("sadd_feed", FeedStats),
        *of("sadd_shield", ShieldStats),
    }


def test_the_metrics_of_the_page_are_there() -> None:
    """Each name, also those that are shortened."""
    table = PAGE[PAGE.index("| metric | says |") :]
    known = families()
    for name in re.findall(r"`(sadd_[a-z_]+)`", table):
        assert name in known, name
    for short in re.findall(r"`(_[a-z_]+)`", table):
        assert any(name.endswith(short) for name in known), short


def test_the_dashboard_asks_for_what_there_is() -> None:
    """Each name is a family, each panel asks something and has a place of its own."""
    assert set(re.findall(r"sadd_(?:cache|feed|shield)[a-z_]*", json.dumps(DASHBOARD))) <= families()
    panels = DASHBOARD["panels"]
    assert all(panel["targets"] for panel in panels)
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
