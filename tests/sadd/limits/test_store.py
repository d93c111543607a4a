"""The versions of the rules, and a worker's view of them."""

import asyncio
from datetime import UTC, datetime

import pytest

from sadd.limits import store
from sadd.limits.rule import Override, Rule, Rules, When
from sadd.limits.store import CHANNEL, UnknownVersion, VersionMoved
from sadd.limits.view import RulesView
from sadd.postgres.listen import Listener
from sadd.postgres.pool import Pool
from tests.sadd.limits.scene import FIVE, TEN, TWO, rule
from tests.waiting import eventually

FLOOD = rule("flood", by=("ip",), limit=TEN)
DAILY = rule(
    "daily",
    agency="moehe",
    when=(When("app", none_of=("test*",)),),
    overrides=(Override(("a", "b"), limit=3), Override(("c",), unlimited=True)),
    shadow=True,
    note="تجربة",
)


async def test_before_the_first_version_there_are_no_rules(pool: Pool) -> None:
    """Version 0, and an empty history."""
    assert await store.read(pool) == Rules(0, ())
    assert await store.history(pool, 10) == []


async def test_a_version_is_the_whole_set(pool: Pool) -> None:
    """What was written is read again, in the order of ids; the history says who, when and why."""
    published = await store.publish(pool, [FLOOD, DAILY], "tester", "first")
    assert published.version == 1
    assert await store.read(pool) == Rules(1, (DAILY, FLOOD))
    (edition,) = await store.history(pool, 10)
    assert (edition.version, edition.actor, edition.note, edition.count) == (1, "tester", "first", 2)
    assert abs((datetime.now(UTC) - edition.at).total_seconds()) < 60


async def test_the_same_set_is_no_new_version(pool: Pool) -> None:
    """In whatever order it is written."""
    await store.publish(pool, [FLOOD, DAILY], "tester")
    again = await store.publish(pool, [DAILY, FLOOD], "tester")
    assert (again.version, again.changes) == (1, ())


async def test_each_changed_rule_has_its_audit_row(pool: Pool) -> None:
    """Added, changed and removed, with what stood there before."""
    await store.publish(pool, [FLOOD, DAILY], "one")
    await store.publish(pool, [rule("flood", by=("ip",), limit=FIVE), rule("new")], "two")
    rows = await pool.fetch("SELECT actor, action, subject, before IS NULL AS fresh FROM audit ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("one", "limits.add", "limits/daily", True),
        ("one", "limits.add", "limits/flood", True),
        ("two", "limits.remove", "limits/daily", False),
        ("two", "limits.change", "limits/flood", False),
        ("two", "limits.add", "limits/new", True),
    ]


async def test_going_back_is_a_new_version_with_the_old_set(pool: Pool) -> None:
    """The history keeps what was left; a version that never was is refused."""
    await store.publish(pool, [FLOOD], "tester")
    await store.publish(pool, [DAILY], "tester")
    assert (await store.roll_back(pool, 1, "tester")).version == 3
    assert await store.read(pool) == Rules(3, (FLOOD,))
    assert (await store.history(pool, 1))[0].note == "back to version 1"
    assert (await store.roll_back(pool, 0, "tester")).version == 4
    assert await store.read(pool) == Rules(4, ())
    with pytest.raises(UnknownVersion):
        await store.roll_back(pool, 9, "tester")


async def test_writers_at_once_follow_one_another(pool: Pool) -> None:
    """Each version is whole, and no number is left out."""
    sets = [[rule(f"r{i}")] for i in range(8)]
    done = await asyncio.gather(*(store.publish(pool, one, "tester") for one in sets))
    assert sorted(one.version for one in done) == list(range(1, 9))
    last = max(done, key=lambda one: one.version)
    assert [one.id for one in (await store.read(pool)).rules] == [
        change.id for change in last.changes if change.verb == "add"
    ]


async def test_of_two_who_looked_at_one_version_the_second_is_told(pool: Pool) -> None:
    """Both began from version 1: one of them is published, and the other's set replaces nothing unseen."""
    await store.publish(pool, [FLOOD], "tester")
    both = [[FLOOD, rule("r1")], [FLOOD, rule("r2")]]
    done = await asyncio.gather(
        *(store.publish(pool, one, "tester", expected=1) for one in both), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["Published", "VersionMoved"]
    assert (await store.read(pool)).version == 2
    with pytest.raises(VersionMoved, match="is 2, not 1"):
        await store.publish(pool, [], "tester", expected=1)


async def test_a_worker_is_told_of_a_change(pool: Pool, migrated_database_url: str) -> None:
    """By NOTIFY: nobody tells the view."""
    view = RulesView(pool)
    listener = Listener(migrated_database_url)

    async def refresh() -> None:
        await view.refresh()

    listener.watch(CHANNEL, refresh)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(listener.run())
        await eventually(lambda: listener.connected)
        await store.publish(pool, [FLOOD], "tester")
        await eventually(lambda: view.current.rules.version == 1)
        running.cancel()
    assert view.stats().rules == 1


async def _write_raw(pool: Pool, version: int, text: str) -> None:
    query = "INSERT INTO limit_rules (version, rules, actor) VALUES ($1, $2::text::jsonb, 'psql')"
    await pool.execute(query, version, text)


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": "x", "effect": "limit", "colour": "red"}]',
        '[{"id": "x", "limit": {"limit": 5}}]',
        '[{"id": "x", "effect": "deny", "when": [{"descriptor": "ip", "any_of": ["nonsense"]}]}]',
        "[7]",
    ],
    ids=["unknown field", "no period", "no network", "no rule"],
)
async def test_a_bad_version_is_refused_and_the_old_one_kept(pool: Pool, text: str) -> None:
    """Whoever wrote it past the checks: the last good rules hold, and a good version heals it."""
    await store.publish(pool, [FLOOD], "tester")
    view = RulesView(pool)
    await view.refresh()
    await _write_raw(pool, 2, text)
    assert not await view.refresh()
    assert not await view.refresh()
    assert (view.current.rules.rules, view.stats().version, view.stats().refused) == ((FLOOD,), 1, 1)
    assert (await store.publish(pool, [Rule("y", limit=TWO)], "tester")).version == 3
    assert await view.refresh()
    assert view.current.rules == Rules(3, (Rule("y", limit=TWO),))
