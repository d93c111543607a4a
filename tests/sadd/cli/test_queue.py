"""``sadd queue``: rooms compared, applied, paused and rolled back from the command line."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sadd.catalogue.importing import import_catalogue
from sadd.postgres.pool import open_pool
from tests.sadd.catalogue.scene import small
from tests.sadd.cli.conftest import Ended, Sadd

RESULTS = "moehe-results"
FILE = f"""\
- id: {RESULTS}
  outflow_per_minute: 60
  message: {{ar: أهلا, en: Welcome}}
  activation: {{kind: automatic, joins_per_minute: 600}}
- id: clinics
  services: [moph-appointment, moph-vaccines]
  lanes:
    - {{id: invited, share: 0.1, label: {{ar: مدعوون, en: Invited}}}}
"""

Queue = Callable[..., Ended]


async def _import(url: str) -> None:
    async with await open_pool(url, pool_max=1, deadline_seconds=5.0) as pool:
        await import_catalogue(pool, small(), "tester")


@pytest.fixture
def queue(sadd: Sadd, migrated_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """Runs ``sadd queue`` on the small catalogue, with ``rooms.yaml`` there and not applied."""
    asyncio.run(_import(migrated_database_url))
    monkeypatch.setenv("SADD_DATABASE_URL", migrated_database_url)
    Path("rooms.yaml").write_text(FILE, encoding="utf-8")
    return lambda *words: sadd("queue", *words)


def holds(queue: Queue, room: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(queue("show", room, "--json").out)["holds"]
    return found


def test_what_files_would_change_is_told_and_then_done(queue: Queue) -> None:
    """diff exits 1 while they differ, apply makes it so, and then there is no difference."""
    ended = queue("diff", "rooms.yaml")
    assert ended.code == 1
    assert ended.out.splitlines()[0] == "new clinics"
    assert "  - outflow_per_minute: 360\n  + outflow_per_minute: 60\n" in ended.out
    assert "! the door of moph-vaccines is this room from now on, no longer moph-vaccines" in ended.out
    assert queue("apply", "rooms.yaml", "--dry-run").out.endswith("version 0\n")
    ended = queue("apply", "rooms.yaml", "--note", "results day", "--by", "tester")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "version 1")
    assert queue("diff", "rooms.yaml").code == 0
    assert holds(queue, RESULTS)["outflow_per_minute"] == 60
    (edition,) = json.loads(queue("history", "--json").out)
    assert (edition["actor"], edition["note"]) == ("cli:tester", "results day")


def test_rooms_that_the_files_do_not_name_stay(queue: Queue) -> None:
    """Unless --all says that the files are all there is."""
    queue("apply", "rooms.yaml")
    Path("one.yaml").write_text(f"- {{id: {RESULTS}, stock: 100}}\n")
    queue("apply", "one.yaml")
    assert "clinics" in [room["id"] for room in json.loads(queue("list", "--set", "--json").out)]
    assert "gone clinics" in queue("diff", "one.yaml", "--all").out
    queue("apply", "one.yaml", "--all")
    assert [room["id"] for room in json.loads(queue("list", "--set", "--json").out)] == [RESULTS]


def test_faults_are_told_with_their_lines(queue: Queue) -> None:
    """Each of them, and nothing is applied."""
    Path("bad.yaml").write_text(f"- id: {RESULTS}\n  method: random\n  stock: many\n- id: nothing\n")
    ended = queue("check", "bad.yaml", "--database")
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0].startswith("bad.yaml:2: room: method: expected one of closed, fifo")
    assert lines[1].startswith("bad.yaml:3: room: stock: expected a whole number")
    assert lines[2].startswith("bad.yaml:4: nothing: id: no such service: 'nothing'")
    assert queue("apply", "bad.yaml").code == 1
    assert queue("history", "--json").out.strip() == "[]"


def test_two_doors_of_one_service_are_refused(queue: Queue) -> None:
    """Also where one is in the files and the other in the database."""
    queue("apply", "rooms.yaml")
    Path("other.yaml").write_text("- {id: other, services: [moph-vaccines]}\n")
    ended = queue("apply", "other.yaml")
    assert ended.code == 1
    assert "moph-vaccines has the room clinics already: a service has one door" in ended.err


def test_a_room_is_paused_and_resumed(queue: Queue) -> None:
    """One word each; a room that there is not is a mistake of who typed it."""
    assert queue("pause", RESULTS, "--note", "fire alarm").code == 0
    assert holds(queue, RESULTS)["suspended"] is True
    assert "set, paused" in queue("list").out
    assert queue("resume", RESULTS).code == 0
    assert queue("list", "--set", "--json").out.strip() == "[]"
    ended = queue("pause", "nothing")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)


def test_rooms_go_back_to_a_version(queue: Queue) -> None:
    """All of them, or one."""
    queue("apply", "rooms.yaml")
    queue("apply", "rooms.yaml", "--all")
    queue("pause", RESULTS)
    ended = queue("rollback", "1", "--room", RESULTS)
    assert ended.code == 0
    assert "  - suspended: true\n  + suspended: false\n" in ended.out
    assert queue("rollback", "0").code == 0
    assert queue("list", "--set", "--json").out.strip() == "[]"
    assert queue("rollback", "99").code == 2


def test_a_stale_apply_changes_nothing(queue: Queue) -> None:
    """The version that diff told is no longer the last."""
    queue("pause", RESULTS)
    ended = queue("apply", "rooms.yaml", "--expect-version", "0")
    assert ended.code == 1
    assert ended.err == (
        "sadd queue: the last version of the rooms is 1, not 0; "
        "nothing was done: look at sadd queue diff, and try again\n"
    )


def test_without_a_platform_the_status_says_so(queue: Queue) -> None:
    """Exit code 2, one line."""
    ended = queue("status", RESULTS)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
