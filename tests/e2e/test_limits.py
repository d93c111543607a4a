"""Rules of limits on a running platform of two workers: a change is live everywhere."""

import asyncio
import json
import re
import threading
import urllib.request
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.e2e.platform import SERVICE, Platform
from tests.waiting import eventually_sync

CONNECTIONS = 24
"""As many new connections meet both workers: all on one would be a chance of one in eight million."""

STRICT = """\
- id: strict
  agency: moehe
  by: [citizen]
  limit: {limit: 3, algorithm: calendar, unit: year}
- id: closed
  service: moehe-secondary-results
  effect: deny
  when: [{descriptor: app, any_of: [unknown-app]}]
"""
OPEN = "- {id: open, name: class, service: moehe-secondary-results, effect: unlimited}\n"


@pytest.fixture(scope="module")
def caller(running: Platform) -> "Caller":
    return Caller(running)


@pytest.fixture
def strict(running: Platform, caller: "Caller") -> None:
    """The strict rules hold on both workers."""
    if not caller.denied_everywhere():
        apply(running, STRICT)
        eventually_sync(caller.denied_everywhere)


class Caller:
    """An agency's service."""

    def __init__(self, at: Platform) -> None:
        self._url = at.url
        self._key = at.key("limits:check")

    def check(self, **fields: Any) -> dict[str, Any]:
        """One check on a connection of its own, so on either worker."""
        return self._call("check", {"policy": SERVICE, "key": "somebody", **fields})

    def check_often(self, times: int, **fields: Any) -> None:
        self._call("check-batch", {"checks": [{"policy": SERVICE, "key": "somebody", **fields}] * times})

    def _call(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        body = json.dumps(asked).encode()
        request = urllib.request.Request(f"{self._url}/v1/limits/{path}", body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def denied_everywhere(self) -> bool:
        app = {"app": "unknown-app"}
        answers = [self.check(key=f"c{i}", descriptors=app) for i in range(CONNECTIONS)]
        return all(one.get("rule") == "closed" for one in answers)

    def denied_nowhere(self) -> bool:
        app = {"app": "unknown-app"}
        answers = [self.check(key=f"c{i}", descriptors=app) for i in range(CONNECTIONS)]
        return not any(one.get("rule") == "closed" for one in answers)


def apply(at: Platform, text: str) -> str:
    """The version that this is."""
    (at.folder / "rules.yaml").write_text(text)
    done = at.sadd("limits", "apply", "rules.yaml")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def test_a_change_is_live_everywhere_and_loses_no_request(running: Platform, caller: Caller) -> None:
    """Applied, refused when it is bad, and taken back, while somebody asks all the time."""
    ended, failures = threading.Event(), list[Exception]()

    def ask() -> None:
        while not ended.is_set():
            try:
                caller.check(key="busy", cost=0)
            except Exception as error:
                failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        version = apply(running, STRICT)
        eventually_sync(caller.denied_everywhere)
        (running.folder / "bad.yaml").write_text(STRICT.replace("citizen", "citzen"))
        assert running.sadd("limits", "apply", "bad.yaml").returncode == 1
        _write_past_the_checks(running, '[{"id": "x", "effect": "nonsense"}]')
        eventually_sync(lambda: _counter(running, "sadd_rules_refused_total") == 2)
        assert caller.denied_everywhere()
        apply(running, OPEN)
        eventually_sync(caller.denied_nowhere)
        assert running.sadd("limits", "rollback", version).returncode == 0
        eventually_sync(caller.denied_everywhere)
    finally:
        ended.set()
        asking.join()
    assert failures == []


@pytest.mark.usefixtures("strict")
def test_a_limit_of_rules_is_one_for_all_workers(caller: Caller) -> None:
    """Whoever answers, a citizen has three a year; the answer names the rule."""
    answers = [caller.check(descriptors={"citizen": "one"}) for _ in range(CONNECTIONS)]
    assert sum(one["allowed"] for one in answers) == 3
    assert {one["rule"] for one in answers if not one["allowed"]} == {"strict"}


@pytest.mark.usefixtures("strict")
def test_an_operator_sees_what_happens(running: Platform, caller: Caller) -> None:
    """explain looks at the live counters; top names who asks most."""
    for _ in range(5):
        caller.check_often(1_000, key="two", descriptors={"citizen": "two"})
    explained = running.sadd("limits", "explain", SERVICE, "--key", "two", "--with", "citizen=two")
    assert explained.returncode == 1, explained.stdout
    assert explained.stdout.splitlines()[-1].startswith("refused by rule.strict: 0 left")
    assert eventually_sync(lambda: "two" in {one["key"] for one in _top(running)["keys"]})
    once = running.sadd("limits", "top", "--once")
    assert "rule.strict" in once.stdout
    key_file = running.folder / "key"
    key_file.write_text(running.key("limits:admin"))
    by_http = running.sadd("limits", "top", "--json", "--url", running.url, "--key-file", str(key_file))
    assert "rule.strict" in {one["policy"] for one in json.loads(by_http.stdout)["policies"]}


@pytest.mark.usefixtures("strict")
def test_the_dashboard_asks_for_metrics_that_there_are(running: Platform, caller: Caller) -> None:
    """Each name in docs/grafana/limits.json is a family of a platform that has decided something."""
    caller.check(descriptors={"citizen": "three"})
    text = (Path(__file__).parents[2] / "docs/grafana/limits.json").read_text()
    asked = set(re.findall(r"sadd_[a-z_]+", text))
    with urllib.request.urlopen(f"{running.url}/metrics", timeout=30) as answer:
        shown = set(re.findall(r"^sadd_[a-z_]+", answer.read().decode(), re.MULTILINE))
    assert asked - shown == set()


def _top(at: Platform) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(at.sadd("limits", "top", "--json").stdout)
    return told


def _write_past_the_checks(at: Platform, rules: str) -> None:
    async def write() -> None:
        connection = await asyncpg.connect(at.told["database_url"])
        try:
            await connection.execute(
                "INSERT INTO limit_rules (version, rules, actor) "
                "SELECT max(version) + 1, $1::text::jsonb, 'psql' FROM limit_rules",
                rules,
            )
        finally:
            await connection.close()

    asyncio.run(write())


def _counter(at: Platform, name: str) -> float:
    with urllib.request.urlopen(f"{at.url}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))
