"""The examples of docs/sessions.md do what they show, in order; its dashboard asks for what there is."""

import json
import re
import shlex
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sadd.catalogue.model import SessionClass
from sadd.catalogue.reading import SHIPPED, read_folder
from sadd.session.stats import SessionStats
from sadd.web.logout_backchannel import BackchannelStats
from sadd.web.sessions_feed import FeedStats
from sadd.web.webhook_sender import SenderStats
from tests.conftest import Databases
from tests.sadd.web.callers import MOEHE
from tests.sadd.web.sessions_scene import SignedIn, signed_in
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/sessions.md").read_text("utf-8")
DASHBOARD = json.loads((ROOT / "docs/grafana/sessions.json").read_text("utf-8"))
KEY = MOEHE["Authorization"].removeprefix("Bearer ")
FAMILIES: dict[str, type[Any]] = {
    "sadd_sessions": SessionStats,
    "sadd_session_feed": FeedStats,
    "sadd_logout": SenderStats,
    "sadd_backchannel_logout": BackchannelStats,
}


@dataclass(frozen=True)
class Example:
    """A call of the page and what it shows of the answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    shown: str


def examples() -> Iterator[Example]:
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for one in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = one.replace("\\\n", " ").partition("\n")
            yield _example(shlex.split(command.replace("$SADD", "").replace("$KEY", KEY)), shown.strip())


def _example(words: list[str], shown: str) -> Example:
    method, path, headers, body = "", "", {}, None
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(rest).encode()
        elif not word.startswith("-"):
            path = word
    return Example(method or ("GET" if body is None else "POST"), path, headers, body, shown)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shipped(_valkey_server: str, _migrated_databases: Databases) -> AsyncIterator[SignedIn]:
    """With the catalogue that is shipped, and the first feed number of a new database."""
    catalogue = read_folder(SHIPPED, date.today()).catalogue
    url = _migrated_databases.take()
    async with signed_in(_valkey_server, url, catalogue) as scene:
        yield scene
    _migrated_databases.drop(url)


async def test_each_example_answers_as_it_shows(shipped: SignedIn) -> None:
    """But for numbers, and for what stands where the page has dots."""
    session = ""
    played = list(examples())
    for one in played:
        if "revocations" in one.path:
            await eventually(lambda: shipped.ways.window.last == 1)
        headers = {name: value.replace("$SESSION", session) for name, value in one.headers.items()}
        call = shipped.server.client.request(one.method, one.path, headers=headers, data=one.body)
        async with call as answer:
            body = (await answer.read()).decode()
            lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        _compare(one, lines, body)
        session = json.loads(body).get("session", session) if body else session
    assert len(played) == 9


def _compare(one: Example, lines: list[str], body: str) -> None:
    if one.shown.startswith("HTTP"):
        assert set(one.shown.splitlines()) <= set(lines), one.path
        return
    given = _plain(body)
    for part in _plain(one.shown.replace("\n ", "").replace("\n", "")).split("…"):
        assert part.strip() in given, f"{one.path} shows {part!r} and answers {given!r}"


def _plain(text: str) -> str:
    return re.sub(r"\d+", "0", text)


async def test_the_page_has_every_field_of_a_class() -> None:
    """But its id and its life, which all classes have."""
    for name in SessionClass.__struct_fields__:
        assert name in ("id", "status") or f"`{name}`" in PAGE, name


def families() -> set[str]:
    return {
        shown
        for prefix, stats in FAMILIES.items()
        for one in fields(stats)
        for shown in (f"{prefix}_{one.name}", f"{prefix}_{one.name}_total")
    }


async def test_the_metrics_of_the_page_are_there() -> None:
    """And all that there are stand on it, in full or by their last part."""
    table = PAGE[PAGE.index("| metric | says |") :]
    for name in re.findall(r"`(sadd_[a-z_]+)`", table):
        assert name in families(), name
    for prefix, stats in FAMILIES.items():
        for one in fields(stats):
            full, short = f"`{prefix}_{one.name}", f"`_{one.name}"
            assert full in table or short in table, full


async def test_the_dashboard_asks_for_what_there_is() -> None:
    """Every expression names metrics that are counted."""
    asked = re.findall(r"sadd_[a-z_]+", json.dumps(DASHBOARD))
    assert len(set(asked)) >= 15
    assert set(asked) <= families()
