"""``sadd limits``: files are judged, compared, applied and taken back; a decision is explained."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore
from sadd.catalogue.importing import import_catalogue
from sadd.limits.asked import Asked
from sadd.limits.desk import Desk
from sadd.postgres.pool import open_pool
from tests.sadd.cli.conftest import Ended, Sadd
from tests.sadd.limits.scene import View, catalogue
from tests.stores import connected

FLOOD = """\
- id: flood
  by: [ip]
  limit: {limit: 100, period_seconds: 10}
"""
QUOTA = """\
- id: quota
  service: moehe-results
  by: [citizen]
  limit: {limit: 2, algorithm: calendar, unit: year}
- id: strangers
  effect: deny
  agency: moehe
  when: [{descriptor: app, none_of: [metrash]}]
"""
BAD = "- id: flood\n  by: [ipp]\n  limit: {limit: 100, period_seconds: 10}\n"

Limits = Callable[..., Ended]


async def _import(url: str) -> None:
    async with await open_pool(url, pool_max=1, deadline_seconds=5.0) as pool:
        await import_catalogue(pool, catalogue(), "tester")


@pytest.fixture
def limits(sadd: Sadd, migrated_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Limits:
    """Runs ``sadd limits`` on a database with a small catalogue, beside two files of rules."""
    asyncio.run(_import(migrated_database_url))
    monkeypatch.setenv("SADD_DATABASE_URL", migrated_database_url)
    Path("flood.yaml").write_text(FLOOD)
    Path("quota.yaml").write_text(QUOTA)
    return lambda *words: sadd("limits", *words)


def test_good_files_are_fine(limits: Limits) -> None:
    """Judged by the files of the catalogue, or by what the platform serves."""
    assert limits("check", "flood.yaml").code == 0
    ended = limits("check", "--database", ".")
    assert (ended.code, ended.out, ended.err) == (0, "", "fine: 3 rules\n")
    told = json.loads(limits("check", "--database", "--json", ".").out)
    assert told == {"rules": 3, "faults": []}


def test_faults_are_told_with_their_lines(limits: Limits) -> None:
    """Exit code 1; apply and diff refuse as well, and nothing was changed."""
    Path("bad.yaml").write_text(BAD)
    said = "bad.yaml:2: flood: by.0: no such descriptor: 'ipp' (nearest: ip)\n"
    ended = limits("check", "bad.yaml")
    assert (ended.code, ended.out, ended.err) == (1, said, "1 fault\n")
    for word, otherwise in (("diff", "nothing was compared"), ("apply", "nothing was applied")):
        ended = limits(word, "bad.yaml")
        assert (ended.code, ended.out, ended.err) == (1, "", f"{said}1 fault; {otherwise}\n")
    assert json.loads(limits("list", "--json").out) == []
    assert limits("check", "absent.yaml").code == 2


def test_what_diff_tells_apply_does(limits: Limits) -> None:
    """A second time there is nothing to do: exit code 0."""
    first = limits("diff", "flood.yaml")
    assert (first.code, first.err) == (1, "1 change against no rules yet\n")
    assert first.out.splitlines()[0] == "added flood"
    assert limits("apply", "flood.yaml", "--note", "first").code == 0
    assert limits("diff", "flood.yaml").code == 0
    assert "nothing to change" in limits("apply", "flood.yaml").out
    changed = json.loads(limits("diff", "quota.yaml", "--json").out)
    assert [(one["verb"], one["id"]) for one in changed] == [
        ("remove", "flood"),
        ("add", "quota"),
        ("add", "strangers"),
    ]


def test_a_changed_rule_is_shown_field_by_field(limits: Limits) -> None:
    """What it was and what it becomes; what stays is not shown."""
    limits("apply", "flood.yaml")
    Path("flood.yaml").write_text(FLOOD.replace("100", "50"))
    assert limits("diff", "flood.yaml").out.splitlines() == [
        "changed flood",
        '  - limit: {"limit":100,"period_seconds":10}',
        '  + limit: {"limit":50,"period_seconds":10}',
    ]


def test_going_back_restores_the_old_rules(limits: Limits) -> None:
    """As a new version; the history tells all of them."""
    limits("apply", "flood.yaml", "--note", "first")
    limits("apply", "quota.yaml", "--replace-all", "--note", "second")
    assert limits("rollback", "1").out.endswith("version 3\n")
    assert [rule["id"] for rule in json.loads(limits("list", "--json").out)] == ["flood"]
    assert [rule["id"] for rule in json.loads(limits("list", "--version", "2", "--json").out)] == [
        "quota",
        "strangers",
    ]
    history = json.loads(limits("history", "--json").out)
    assert [(one["version"], one["note"]) for one in history] == [
        (3, "back to version 1"),
        (2, "second"),
        (1, "first"),
    ]
    assert "second" in limits("history").out
    assert limits("rollback", "9").code == 2


def test_the_list_is_for_people(limits: Limits) -> None:
    """Whom a rule is for, and what it does, in words."""
    limits("apply", ".")
    out = limits("list").out
    assert "100 in 10 s, 100 at once by ip" in out
    assert "moehe, app not in metrash" in out
    assert "2 each year by citizen" in out


def test_an_explanation_tells_every_rule(limits: Limits) -> None:
    """Without a store the counters are unknown, and so is the verdict; a denial needs none."""
    limits("apply", ".")
    ended = limits("explain", "moehe-results", "--key", "k", "--with", "app=metrash", "--json")
    told = json.loads(ended.out)
    assert (ended.code, told["allowed"]) == (0, None)
    assert {one["rule"]: one["fate"] for one in told["rules"]} == {
        "strangers": "passed over",
        "class": "holds",
        "quota": "passed over",
        "flood": "passed over",
    }
    ended = limits("explain", "moehe-results", "--key", "k", "--with", "app=other")
    assert ended.code == 1
    assert ended.out.splitlines()[-1] == "refused by strangers"
    by_files = limits("explain", "moehe-secondary-results", "--key", "k", "--files", "flood.yaml")
    assert "the request has not all of ip" in by_files.out


def test_a_wrong_question_is_told(limits: Limits) -> None:
    """No such service, no caller, no descriptor: exit code 2."""
    assert limits("explain", "nothing", "--key", "k").code == 2
    assert "whose limit it is" in limits("explain", "moehe-results").err
    assert "NAME=VALUE" in limits("explain", "moehe-results", "--with", "app").err


async def _use_up(url: str) -> None:
    async with connected(url) as client:
        desk = Desk(Limiter(ValkeyStore(client)), View())
        await desk.decide(None, Asked("moehe-results", "k", cost=18))


def test_an_explanation_looks_at_the_counters(
    limits: Limits, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes nothing: asked twice it says the same."""
    monkeypatch.setenv("SADD_VALKEY_URL", valkey_url)
    asyncio.run(_use_up(valkey_url))
    for _ in range(2):
        ended = limits("explain", "moehe-results", "--key", "k")
        assert ended.code == 0, ended.err
        assert ended.out.splitlines()[-1] == "allowed: 2 left of moehe-results"
    ended = limits("explain", "moehe-results", "--key", "k", "--cost", "3")
    assert ended.code == 1
    assert ended.out.splitlines()[-1].startswith("refused by moehe-results: 2 left")


def test_top_says_whom_it_cannot_ask(limits: Limits) -> None:
    """No platform here, no key, no such file, nobody there: a line each, and no trace."""
    Path("key").write_text("sadd_key")
    asked = {
        (): (1, "no platform runs on"),
        ("--url", "http://127.0.0.1:9"): (2, "needs --key-file"),
        ("--url", "http://127.0.0.1:9", "--key-file", "absent"): (2, "No such file"),
        ("--url", "ftp://127.0.0.1", "--key-file", "key"): (2, "http or https"),
        ("--url", "http://127.0.0.1:9", "--key-file", "key"): (1, "refused"),
    }
    for words, (code, said) in asked.items():
        ended = limits("top", "--json", *words)
        assert (ended.code, ended.out) == (code, "")
        assert said in ended.err
        assert len(ended.err.splitlines()) == 1
