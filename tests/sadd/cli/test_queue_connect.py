"""``sadd queue connect``: a site is connected, changed, disconnected; its secret is told and never listed."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from sadd.catalogue.importing import import_catalogue
from sadd.postgres.pool import open_pool
from sadd.queueit.view import ConnectionsView
from tests.sadd.catalogue.scene import small
from tests.sadd.cli.conftest import Ended, Sadd

Queue = Callable[..., Ended]
CONNECT = ("connect", "moehe", "--service", "moehe-results", "--domain", "queue.gov.example")


async def _import(url: str) -> None:
    async with await open_pool(url, pool_max=1, deadline_seconds=5.0) as pool:
        await import_catalogue(pool, small(), "tester")


@pytest.fixture
def queue(sadd: Sadd, migrated_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Queue:
    asyncio.run(_import(migrated_database_url))
    monkeypatch.setenv("SADD_DATABASE_URL", migrated_database_url)
    return lambda *words: sadd("queue", *words)


def told(ended: Ended) -> Any:
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def test_what_the_connector_needs_is_told(queue: Queue) -> None:
    """Customer, secret, and where its configuration is."""
    made = told(queue(*CONNECT, "--json"))
    assert made["config"] == "https://queue.gov.example/queueit/status/integrationconfig/moehe"
    assert (made["customer"], made["version"], len(made["secret"])) == ("moehe", 1, 64)
    assert made["secret"] in queue(*CONNECT).out


def test_a_change_keeps_the_secret(queue: Queue) -> None:
    """Unless a new one is asked for; the version grows, so that the site sees that there is news."""
    first = told(queue(*CONNECT, "--json"))
    second = told(queue(*CONNECT, "--event", "results2027=moehe-results", "--json"))
    third = told(queue(*CONNECT, "--new-secret", "--json"))
    assert [one["version"] for one in (first, second, third)] == [1, 2, 3]
    assert first["secret"] == second["secret"] != third["secret"]


def test_the_list_has_no_secrets(queue: Queue) -> None:
    """Neither for people nor for programs, nor the audit."""
    secret = told(queue(*CONNECT, "--ignored", "/health", "--json"))["secret"]
    (one,) = told(queue("connections", "--json"))
    assert (one["agency"], one["services"], one["ignored"]) == ("moehe", ["moehe-results"], ["/health"])
    assert secret not in json.dumps(one)
    assert secret not in queue("connections").out


def test_a_connection_ends(queue: Queue) -> None:
    """Once; a second time it is told that there is none."""
    queue(*CONNECT)
    assert queue("disconnect", "moehe").code == 0
    assert told(queue("connections", "--json")) == []
    ended = queue("disconnect", "moehe")
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (
            ("connect", "Moe he", "--service", "moehe-results", "--domain", "queue.gov.example"),
            "small letters",
        ),
        (("connect", "moehe", "--service", "nothing", "--domain", "queue.gov.example"), "no service"),
        (("connect", "moehe", "--service", "moehe-results", "--domain", "https://queue"), "no host name"),
        ((*CONNECT, "--service", "moph-appointment"), "not a service of moehe"),
        ((*CONNECT, "--event", "a_b~ts_1=moehe-results"), "letters, digits and hyphens"),
        ((*CONNECT, "--event", "a=moehe-results", "--event", "b=moehe-results"), "one room"),
        ((*CONNECT, "--event", "a"), "EVENT=ROOM"),
        ((*CONNECT, "--token-seconds", "3600"), "10..300"),
        ((*CONNECT, "--cookie-minutes", "0"), "1..1440"),
        ((*CONNECT, "--ignored", "health"), "slash"),
        (("disconnect", "../x"), "can be no customer"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_done(queue: Queue, words: tuple[str, ...], what: str) -> None:
    """One line, exit 2, and no connection."""
    ended = queue(*words)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert what in ended.err
    assert told(queue("connections", "--json")) == []


def test_workers_see_it_and_the_audit_has_it(queue: Queue, migrated_database_url: str) -> None:
    """The view goes over to it; each change has its row, which says that there is a secret and not which."""
    secret = told(queue(*CONNECT, "--json"))["secret"]
    queue("disconnect", "moehe")
    queue(*CONNECT)

    async def seen() -> tuple[list[str], list[asyncpg.Record]]:
        async with await open_pool(migrated_database_url, pool_max=1, deadline_seconds=5.0) as pool:
            view = ConnectionsView(pool)
            await view.refresh()
            rows = await pool.fetch(
                "SELECT action, after::text FROM audit WHERE subject = 'queueit/moehe' ORDER BY id"
            )
            return list(view.current), rows

    customers, rows = asyncio.run(seen())
    assert customers == ["moehe"]
    assert [row["action"] for row in rows] == ["queueit.connect", "queueit.disconnect", "queueit.connect"]
    assert not any(secret in str(row["after"]) for row in rows)
    assert json.loads(rows[0]["after"])["new_secret"] is True
