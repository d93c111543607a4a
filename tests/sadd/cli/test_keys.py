import asyncio
import json
from typing import Any

import asyncpg
import pytest

from sadd.identity.caller import SCOPES
from sadd.identity.key import Key, mint, parse
from sadd.identity.ring import KeyRing
from tests.sadd.cli.conftest import Ended, Sadd

AGENCIES = {"moi": "live", "moe": "live", "old": "retired"}
_ADD = """
    INSERT INTO catalogue_entry (kind, id, body, version)
    VALUES ('agencies', $1, $2::text::jsonb, 1)
"""


def _agency(id_: str, status: str) -> str:
    name = {"ar": "وزارة", "en": "Ministry"}
    contact = {"email": "info@ministry.example", "phone": "+974 4000 1100"}
    return json.dumps({"id": id_, "name": name, "kind": "ministry", "contact": contact, "status": status})


async def _execute(url: str, statement: str, rows: list[tuple[object, ...]]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.executemany(statement, rows)
    finally:
        await connection.close()


async def _fetch(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


@pytest.fixture
def database(migrated_database_url: str) -> str:
    """A database with three agencies, one of them retired; in the environment only with ``keys``."""
    rows: list[tuple[object, ...]] = [(id_, _agency(id_, status)) for id_, status in AGENCIES.items()]
    asyncio.run(_execute(migrated_database_url, _ADD, rows))
    return migrated_database_url


@pytest.fixture
def keys(sadd: Sadd, database: str, monkeypatch: pytest.MonkeyPatch) -> Sadd:
    """Runs ``sadd keys`` on the database."""
    monkeypatch.setenv("SADD_DATABASE_URL", database)

    def run(*words: str) -> Ended:
        return sadd("keys", *words)

    return run


def _create(keys: Sadd, *words: str, agency: str = "moi", scope: str = "limits:check") -> Key:
    ended = keys("create", "--agency", agency, "--scope", scope, *words)
    assert ended.code == 0, ended.err
    key = parse(ended.out.strip())
    assert key is not None
    return key


def _listed(keys: Sadd, *words: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(keys("list", "--json", *words).out)
    return listed


async def _authenticated(url: str, key: Key) -> bool:
    ring = KeyRing()
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        await ring.load(pool)
    return ring.authenticate(f"Bearer {key.text}") is not None


def test_create(keys: Sadd, database: str) -> None:
    """create prints a key that works, alone on standard output, and how to revoke it beside."""
    ended = keys("create", "--agency", "moi", "--scope", "limits:check", "cache:read")

    key = parse(ended.out.removesuffix("\n"))
    assert key is not None
    assert asyncio.run(_authenticated(database, key))
    assert ended.err == f"Shown this once. Revoke it with: sadd keys revoke {key.prefix}\n"


def test_create_json(keys: Sadd) -> None:
    """create --json gives the key with all that was asked for."""
    words = (
        "--scope",
        "cache:write",
        "--scope",
        "cache:read",
        "limits:check",
        "--label",
        "بوابة",
        "--expires-days",
        "1",
    )
    made = json.loads(keys("create", "--agency", "moi", *words, "--json").out)

    key = parse(made.pop("key"))
    assert key is not None
    assert made == _without_state(_listed(keys)[0])
    assert (made["prefix"], made["agency"], made["label"]) == (key.prefix, "moi", "بوابة")
    assert made["scopes"] == ["cache:read", "cache:write", "limits:check"]
    assert made["expires_at"][8:10] != made["created_at"][8:10]


def _without_state(listed: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in listed.items() if name != "state"}


def test_secret_is_shown_once(keys: Sadd) -> None:
    """No later command shows the secret, or its hash."""
    key = _create(keys)

    for words in (("list",), ("list", "--json"), ("revoke", key.prefix)):
        ended = keys(*words)
        assert key.prefix in ended.out
        assert key.secret not in ended.out + ended.err
        assert key.hash.hex() not in ended.out + ended.err


@pytest.mark.parametrize(("agency", "nearest"), [("mio", "moi"), ("Moe", "moe"), ("old", "mo")])
def test_unknown_agency(keys: Sadd, agency: str, nearest: str) -> None:
    """A key for an agency that is not in the catalogue, or retired, is refused with the nearest live one."""
    ended = keys("create", "--agency", agency, "--scope", "limits:check")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"sadd keys create: no agency {agency!r}; the nearest is {nearest}")
    assert _listed(keys) == []


def test_empty_catalogue(sadd: Sadd, migrated_database_url: str) -> None:
    """Before the catalogue is imported no key can be made, and the message says what brings it."""
    words = ("keys", "create", "--agency", "moi", "--scope", "limits:check")
    ended = sadd(*words, "--database-url", migrated_database_url)

    assert ended.code == 1
    assert "start sadd up once" in ended.err
    assert "sadd catalogue import" in ended.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--scope", "limits:chek"), "no such scope: limits:chek; there are cache:read, "),
        (("--scope", "limits:check", "--label", "a\nb"), "a label is one line"),
        (
            ("--scope", "limits:check", "--expires-days", "0"),
            "0 is not accepted: days, more than 0, at most 36500",
        ),
        (("--scope", "limits:check", "--expires-days", "nan"), "nan is not accepted: days"),
        (("--scope", "limits:check", "--expires-days", "soon"), "soon is not accepted: days"),
        ((), "the following arguments are required: --scope"),
    ],
)
def test_bad_usage(keys: Sadd, words: tuple[str, ...], says: str) -> None:
    """A wish that cannot be is one line and exit code 2."""
    ended = keys("create", "--agency", "moi", *words)

    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err
    assert ended.err.count("\n") == 1


def test_list(keys: Sadd) -> None:
    """list has a line for each key with its state, for people, in the order of agency and age."""
    first, second, other = _create(keys), _create(keys, "--label", "new"), _create(keys, agency="moe")
    keys("revoke", first.prefix)

    lines = [line.split() for line in keys("list").out.splitlines()]

    assert lines[0][:4] == ["prefix", "agency", "state", "created"]
    assert [line[:3] for line in lines[1:]] == [
        [other.prefix, "moe", "live"],
        [first.prefix, "moi", "revoked"],
        [second.prefix, "moi", "live"],
    ]
    assert lines[3][-2:] == ["limits:check", "new"]


def test_list_of_one_agency(keys: Sadd) -> None:
    """list --agency leaves the others out; none is an empty array and fine."""
    _create(keys)
    other = _create(keys, agency="moe")

    assert [key["prefix"] for key in _listed(keys, "--agency", "moe")] == [other.prefix]
    assert _listed(keys, "--agency", "nobody") == []


def test_revoke(keys: Sadd, database: str) -> None:
    """A revoked key is nobody's; revoking it again is fine and says since when."""
    key = _create(keys)

    first, second = keys("revoke", key.prefix), keys("revoke", key.prefix)

    assert (first.code, first.out) == (0, f"{key.prefix} of moi revoked\n")
    assert second.code == 0
    assert "was revoked before, at 20" in second.out
    assert not asyncio.run(_authenticated(database, key))


def test_revoke_a_whole_key(keys: Sadd, database: str) -> None:
    """Who has found a leaked key may paste all of it; the secret is not printed."""
    key = _create(keys)

    ended = keys("revoke", key.text)

    assert ended.code == 0
    assert key.secret not in ended.out + ended.err
    assert not asyncio.run(_authenticated(database, key))


@pytest.mark.parametrize("prefix", ["aaaaaaaaaaaa", "x", "sadd_", "'; DROP TABLE api_key; --"])
def test_revoke_unknown(keys: Sadd, prefix: str) -> None:
    """Revoking what is no key is exit code 1."""
    ended = keys("revoke", prefix)

    assert (ended.code, ended.out) == (1, "")
    assert "no key" in ended.err


def test_revoke_unknown_whole_key(keys: Sadd) -> None:
    """An unknown whole key is refused without its secret."""
    key = mint()

    ended = keys("revoke", key.text)

    assert ended.code == 1
    assert key.prefix in ended.err
    assert key.secret not in ended.err


def test_audit(keys: Sadd, database: str) -> None:
    """What the command line does is audited as done by cli."""
    key = _create(keys)
    keys("revoke", key.prefix)

    rows = asyncio.run(_fetch(database, "SELECT actor, action, subject FROM audit ORDER BY id"))

    assert [tuple(row.values()) for row in rows] == [
        ("cli", "keys.create", key.prefix),
        ("cli", "keys.revoke", key.prefix),
    ]


def test_help_has_every_scope(sadd: Sadd) -> None:
    """The help of create lists the scopes that there are."""
    out = sadd("keys", "create", "--help").out

    assert all(scope in out for scope in SCOPES)
