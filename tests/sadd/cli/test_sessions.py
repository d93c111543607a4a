"""``sadd sessions``: seen, ended and followed from the command line, and the next keys."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import asyncpg
import pytest

from sadd.app.sessions import Engine, open_engine
from sadd.catalogue.importing import import_catalogue
from sadd.postgres.pool import open_pool
from sadd.session.policy import SessionPolicy
from sadd.signing import load_signing_keys
from tests.sadd.catalogue.scene import small
from tests.sadd.cli.conftest import Ended, Sadd
from tests.stores import connected

T = TypeVar("T")

POLICY = SessionPolicy(900_000, 28_800_000)
SUBJECT = "28412345678"


@dataclass
class Platform:
    """The command, and the stores that it works on."""

    run: Callable[..., Ended]
    valkey_url: str
    database_url: str

    def by_engine(self, deed: Callable[[Engine], Awaitable[T]]) -> T:
        """As a worker does it."""

        async def done() -> T:
            async with await open_pool(self.database_url, pool_max=2, deadline_seconds=10) as pool:
                signing = await load_signing_keys(pool)
                async with connected(self.valkey_url) as client:
                    return await deed(open_engine(client, pool, signing))

        return asyncio.run(done())

    def sign_in(self, device: str = "") -> tuple[str, str]:
        """Id and ref."""

        async def begin(engine: Engine) -> tuple[str, str]:
            id_, session = await engine.sessions.create(
                "moehe", "moehe-results", SUBJECT, POLICY, {}, device=device
            )
            return id_, session.ref

        return self.by_engine(begin)

    def audit(self) -> list[tuple[str, str, str, str]]:
        async def read() -> list[tuple[str, str, str, str]]:
            connection = await asyncpg.connect(self.database_url)
            try:
                rows = await connection.fetch(
                    "SELECT actor, action, subject, after ->> 'note' FROM audit WHERE action ~ '^sessions'"
                )
                return [tuple(row) for row in rows]
            finally:
                await connection.close()

        return asyncio.run(read())


async def _import(url: str) -> None:
    async with await open_pool(url, pool_max=1, deadline_seconds=10) as pool:
        await import_catalogue(pool, small(), "tester")


@pytest.fixture
def platform(
    sadd: Sadd, valkey_url: str, migrated_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Platform:
    asyncio.run(_import(migrated_database_url))
    monkeypatch.setenv("SADD_DATABASE_URL", migrated_database_url)
    monkeypatch.setenv("SADD_VALKEY_URL", valkey_url)
    return Platform(lambda *words: sadd("sessions", *words), valkey_url, migrated_database_url)


def test_a_session_is_listed_and_ended(platform: Platform) -> None:
    """By its ref; the audit has who and why, and no name; a second time there is none."""
    id_, ref = platform.sign_in("Firefox")
    listed = platform.run("list", "moehe", SUBJECT)
    assert listed.code == 0
    assert ref in listed.out
    assert "Firefox" in listed.out
    assert id_ not in listed.out
    ended = platform.run("revoke", "moehe", ref, "--note", "lost", "--by", "amal")
    assert (ended.code, ended.out) == (0, "it is over, and every service is told\n")
    assert platform.audit() == [("cli:amal", "sessions.revoke", f"sessions/moehe/{ref}", "lost")]
    assert json.loads(platform.run("list", "moehe", SUBJECT, "--json").out) == []
    assert platform.run("revoke", "moehe", ref).code == 1


def test_all_are_ended_by_a_name_that_stands_nowhere(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read from standard input; neither the output nor the audit tells it; the feed does not either."""
    refs = {platform.sign_in()[1] for _ in range(2)}
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SUBJECT}\n"))
    ended = platform.run("revoke-all", "moehe", "-", "--json")
    assert ended.code == 0
    (row,) = platform.audit()
    assert row[2] == f"sessions/moehe/{json.loads(ended.out)['all_of']}"
    feed = platform.run("feed", "--json")
    (told,) = json.loads(feed.out)
    assert (told["session"], told["reason"]) == (
        f"all of {json.loads(ended.out)['all_of']}",
        "administrator",
    )
    assert SUBJECT not in ended.out + feed.out + str(row)
    assert all(ref.startswith(json.loads(ended.out)["all_of"]) for ref in refs)


def test_the_feed_goes_on_from_a_number(platform: Platform) -> None:
    """Of one agency or all."""
    for _ in range(3):
        platform.run("revoke", "moehe", platform.sign_in()[1])
    numbers = [one["number"] for one in json.loads(platform.run("feed", "--json").out)]
    assert numbers == ["1", "2", "3"]
    assert [one["number"] for one in json.loads(platform.run("feed", "--after", "2", "--json").out)] == ["3"]
    assert json.loads(platform.run("feed", "--agency", "moph", "--json").out) == []
    assert platform.run("feed").out.splitlines()[0].startswith("number  at")


def test_new_keys_sign_nobody_out(platform: Platform) -> None:
    """A session of the older keys is found and opened; a new one is made under the newer."""
    id_, ref = platform.sign_in()
    rotated = platform.run("rotate-keys", "--signs-in-seconds", "0", "--json")
    assert rotated.code == 0
    assert [one["purpose"] for one in json.loads(rotated.out)] == ["session-pepper", "seal", "logout-token"]

    async def read(engine: Engine) -> str:
        return (await engine.sessions.get("moehe", id_)).subject

    assert platform.by_engine(read) == SUBJECT
    assert platform.sign_in()[1][:11] != ref[:11]
    assert len(json.loads(platform.run("list", "moehe", SUBJECT, "--json").out)) == 2
    assert platform.run("revoke-all", "moehe", SUBJECT).code == 0
    assert json.loads(platform.run("list", "moehe", SUBJECT, "--json").out) == []


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("list", "mars", SUBJECT), "there is no agency 'mars'"),
        (("list", "moehe", ""), "1 to 256 bytes"),
        (("feed", "--after", "-1"), "a number that the feed gave"),
        (("rotate-keys", "--keep-days", "1"), "people would be signed out"),
        (("rotate-keys", "--of", "passes"), "invalid choice"),
        (("revoke", "moehe", "x", "--by", ""), "--by"),
        ((), "required"),
    ],
)
def test_a_mistake_is_one_line(platform: Platform, words: tuple[str, ...], what: str) -> None:
    """And exit code 2; nothing is changed."""
    ended = platform.run(*words)
    assert ended.code == 2
    assert what in ended.err
    assert len(ended.err.splitlines()) == 1
    assert platform.audit() == []


def test_without_a_store_nothing_is_certain(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, exit code 1."""
    monkeypatch.setenv("SADD_VALKEY_URL", "redis://127.0.0.1:1/0")
    ended = platform.run("list", "moehe", SUBJECT)
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
