"""``sadd limits apply``, ``rollback``: nothing goes that nobody meant to, and the history says who did it."""

import asyncio
import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from sadd.catalogue.importing import import_catalogue
from sadd.postgres.pool import open_pool
from tests.sadd.cli.conftest import Ended, Sadd
from tests.sadd.limits.scene import catalogue

LIMIT = "limit: {limit: 10, period_seconds: 60}"
FILES = {
    "all.yaml": f"- {{id: flood, {LIMIT}}}\n- {{id: flood-too, {LIMIT}}}\n",
    "moehe.yaml": f"- {{id: results, service: moehe-results, {LIMIT}}}\n"
    f"- {{id: school, agency: moehe, {LIMIT}}}\n",
    "moph.yaml": f"- {{id: clinic, service: moph-appointment, {LIMIT}}}\n",
    "empty.yaml": "[]\n",
}

Limits = Callable[..., Ended]


async def _import(url: str) -> None:
    async with await open_pool(url, pool_max=1, deadline_seconds=5.0) as pool:
        await import_catalogue(pool, catalogue(), "tester")


@pytest.fixture
def limits(sadd: Sadd, migrated_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Limits:
    """Runs ``sadd limits`` where the rules of two agencies and of the platform hold, from a file each."""
    asyncio.run(_import(migrated_database_url))
    monkeypatch.setenv("SADD_DATABASE_URL", migrated_database_url)
    for name, text in FILES.items():
        Path(name).write_text(text)
    assert sadd("limits", "apply", "all.yaml", "moehe.yaml", "moph.yaml").code == 0
    return lambda *words: sadd("limits", *words)


def holding(limits: Limits) -> list[str]:
    return [rule["id"] for rule in json.loads(limits("list", "--json").out)]


ALL = ["clinic", "flood", "flood-too", "results", "school"]


def test_one_agency_s_file_removes_nothing_of_others(limits: Limits) -> None:
    """Told by agency, exit code 1, and nothing is applied; --replace-all means it."""
    ended = limits("apply", "moehe.yaml")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines() == [
        "sadd limits apply: the files say nothing of some whose rules would be removed:",
        "  moph: 1 rule: clinic",
        "  the platform: 2 rules: flood, flood-too",
        "nothing was applied; give all files together, or say --replace-all",
    ]
    assert holding(limits) == ALL
    ended = limits("apply", "moehe.yaml", "--replace-all", "--json")
    assert (ended.code, json.loads(ended.out)["version"]) == (0, 2)
    assert ended.err.splitlines()[1:] == [
        "  moph: 1 rule: clinic",
        "  the platform: 2 rules: flood, flood-too",
    ]
    assert holding(limits) == ["results", "school"]


def test_what_goes_of_those_who_are_mentioned_is_told(limits: Limits) -> None:
    """A rule that left its agency's file goes, as diff says."""
    Path("moehe.yaml").write_text(FILES["moehe.yaml"].splitlines()[0])
    ended = limits("apply", "all.yaml", "moehe.yaml", "moph.yaml")
    assert (ended.code, ended.err) == (0, "sadd limits apply: removes:\n  moehe: 1 rule: school\n")
    assert "removed school" in ended.out


@pytest.mark.parametrize("words", [(), ("--replace-all",)])
def test_an_empty_file_leaves_the_rules(limits: Limits, words: tuple[str, ...]) -> None:
    """A folder that was not filled removes nothing; --none says that it is meant."""
    Path("nothing").mkdir()
    for empty in ("empty.yaml", "nothing"):
        ended = limits("apply", empty, *words)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.splitlines()[-1] == "nothing was applied; --none leaves no rule"
    assert holding(limits) == ALL
    assert limits("apply", "empty.yaml", "--none").code == 0
    assert holding(limits) == []
    assert limits("apply", "empty.yaml").code == 0  # there is nothing to lose


def test_who_looked_at_an_older_version_is_told(limits: Limits) -> None:
    """--expect-version is the one that diff told."""
    names = ("all.yaml", "moehe.yaml", "moph.yaml")
    Path("moph.yaml").write_text(FILES["moph.yaml"].replace("10", "20"))
    assert limits("diff", *names).err == "1 change against version 1\n"
    assert limits("apply", *names, "--expect-version", "1").code == 0
    Path("moph.yaml").write_text(FILES["moph.yaml"].replace("10", "30"))
    ended = limits("apply", *names, "--expect-version", "1")
    assert (ended.code, ended.out) == (1, "")
    assert "the last version of the rules is 2, not 1; nothing was applied" in ended.err
    assert len(json.loads(limits("history", "--json").out)) == 2


def test_the_history_says_who(limits: Limits) -> None:
    """The user of the operating system, whatever the environment says, or whom --by names."""
    limits("apply", "moph.yaml", "--replace-all", "--by", "فاطمة, ticket 81")
    limits("rollback", "1", "--by", "moehe")
    limits("rollback", "2")
    user = pwd.getpwuid(os.getuid()).pw_name
    assert [one["actor"] for one in json.loads(limits("history", "--json").out)] == [
        f"cli:{user}",
        "cli:moehe",
        "cli:فاطمة, ticket 81",
        f"cli:{user}",
    ]
    for by in ("", "two\nlines", "x" * 101):
        assert limits("rollback", "1", "--by", by).code == 2
