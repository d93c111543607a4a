"""Migrations: each once and in order, whatever happens in the middle."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any, TypeAlias

import asyncpg
import pytest

from sadd.postgres.migrate import LOCK, MigrationError, migrate, read_folder, require_version, statements
from tests.waiting import eventually

Migrator: TypeAlias = "subprocess.Popen[str]"
Start: TypeAlias = Callable[[], Migrator]

GATED = "CREATE TABLE slow (n int); INSERT INTO slow VALUES (1); SELECT pg_advisory_xact_lock(7);"
AT_THE_GATE = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted"
AT_WORK = f"""
SELECT client_port FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE locktype = 'advisory' AND objid = {LOCK} AND granted
"""
CONCURRENT = """\
-- no transaction
-- An index that a kill cut short stays behind as invalid, so it goes first.
DROP INDEX IF EXISTS slow_n;
CREATE INDEX CONCURRENTLY slow_n ON slow (n);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "0001_slow.sql": GATED,
        "0002_index.sql": CONCURRENT,
        "0003_last.sql": "CREATE TABLE last (n int);",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


async def ask(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.fixture
def start(database_url: str, folder: Path) -> Iterator[Start]:
    """Starts migrators; none outlives the test."""
    words = [sys.executable, "-m", "tests.sadd.postgres.migrating", database_url, str(folder)]
    with ExitStack() as all_of_them:

        def start_one() -> Migrator:
            migrator = all_of_them.enter_context(subprocess.Popen(words, stdout=PIPE, stderr=PIPE, text=True))
            all_of_them.callback(migrator.kill)
            return migrator

        yield start_one


@asynccontextmanager
async def closed_gate(url: str) -> AsyncIterator[None]:
    """A migrator stays in the middle of its first file until the block ends."""
    connection = await asyncpg.connect(url)
    await connection.execute("SELECT pg_advisory_lock(7)")
    try:
        yield
    finally:
        await connection.close()


async def finish(migrator: Migrator) -> str:
    """What it applied; fails if it failed."""
    applied, errors = await asyncio.to_thread(migrator.communicate, None, 60)
    assert migrator.returncode == 0, errors
    return applied


async def test_files_are_applied_once_and_in_order(database_url: str, folder: Path) -> None:
    """The second run has nothing to do; a new file is applied alone."""
    assert await migrate(database_url, folder) == ["0001_slow.sql", "0002_index.sql", "0003_last.sql"]
    assert await migrate(database_url, folder) == []
    (folder / "0004_more.sql").write_text("CREATE TABLE more (n int);")
    assert await migrate(database_url, folder) == ["0004_more.sql"]


async def test_ten_at_once_with_one_killed_migrate_once(database_url: str, start: Start) -> None:
    """Ten start together and the one at work is killed: the others end well, and the schema is exact."""
    async with closed_gate(database_url):
        migrators = [start() for _ in range(10)]
        await eventually(lambda: ask(database_url, AT_THE_GATE))
        victim = await holder_of_the_lock(database_url, migrators)
        victim.kill()
        victim.communicate()
    applied = [await finish(each) for each in migrators if each is not victim]
    assert sorted(applied) == [*[""] * 8, "0001_slow.sql 0002_index.sql 0003_last.sql"]
    assert await ask(database_url, "SELECT count(*) FROM slow") == 1
    assert await ask(database_url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'slow_n'::regclass")


async def holder_of_the_lock(url: str, migrators: list[Migrator]) -> Migrator:
    """Known by the port of its connection."""
    port = await ask(url, AT_WORK)
    return next(each for each in migrators if port in local_ports(each.pid))


def local_ports(pid: int) -> set[int]:
    inodes = {name for link in Path(f"/proc/{pid}/fd").iterdir() if (name := name_of(link))}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].partition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in inodes}


def name_of(link: Path) -> str | None:
    """What the descriptor is; None if it was closed meanwhile."""
    try:
        return link.readlink().name
    except FileNotFoundError:
        return None


async def test_a_kill_in_the_middle_heals(database_url: str, folder: Path, start: Start) -> None:
    """Nothing of a file that was cut off stays, and the next start applies it."""
    async with closed_gate(database_url):
        migrator = start()
        await eventually(lambda: ask(database_url, AT_THE_GATE))
        migrator.kill()
        migrator.communicate()
    # By then the server has noticed: it gives up the lock after it has rolled back.
    assert await migrate(database_url, folder) == ["0001_slow.sql", "0002_index.sql", "0003_last.sql"]
    assert await ask(database_url, "SELECT count(*) FROM slow") == 1


async def test_an_index_that_was_cut_short_is_made_again(database_url: str, folder: Path) -> None:
    """A file without a transaction runs again as a whole."""
    (folder / "0002_index.sql").write_text(CONCURRENT + "SELECT 1 / 0;")
    with pytest.raises(MigrationError, match=r"^0002_index\.sql: division by zero$"):
        await migrate(database_url, folder)
    assert await ask(database_url, "SELECT count(*) FROM schema_migration") == 1
    (folder / "0002_index.sql").write_text(CONCURRENT)
    assert await migrate(database_url, folder) == ["0002_index.sql", "0003_last.sql"]


async def test_an_edited_file_is_refused(database_url: str, folder: Path) -> None:
    """Whoever edits history is told the file and what to do; nothing else is applied."""
    await migrate(database_url, folder)
    (folder / "0003_last.sql").write_text("CREATE TABLE last (n bigint);")
    (folder / "0004_more.sql").write_text("CREATE TABLE more (n int);")
    with pytest.raises(MigrationError, match=r"^0003_last\.sql: edited after it was applied .* a new file$"):
        await migrate(database_url, folder)
    assert await ask(database_url, "SELECT to_regclass('more')") is None


async def test_a_faulty_statement_names_its_file(database_url: str, tmp_path: Path) -> None:
    """And leaves nothing of that file."""
    (tmp_path / "0001_faulty.sql").write_text("CREATE TABLE half (n int); SELEKT 1;")
    with pytest.raises(MigrationError, match=r"^0001_faulty\.sql: syntax error at or near \"SELEKT\"$"):
        await migrate(database_url, tmp_path)
    assert await ask(database_url, "SELECT to_regclass('half')") is None


async def test_the_shipped_files_fit_together(migrated_database_url: str) -> None:
    """They are applied in the fixture; here they are all remembered, and a second run has nothing to do."""
    assert await migrate(migrated_database_url) == []
    assert await ask(migrated_database_url, "SELECT to_regclass('audit')") is not None


def test_a_server_that_is_too_old_is_refused() -> None:
    """Before anything is written into it."""
    require_version(14)
    with pytest.raises(MigrationError, match=r"^the database is PostgreSQL 13; 14 or later is needed$"):
        require_version(13)


def test_only_sql_files_count(folder: Path) -> None:
    """Notes beside the migrations are no migrations."""
    (folder / "README.md").write_text("# notes")
    assert [each.name for each in read_folder(folder)] == ["0001_slow.sql", "0002_index.sql", "0003_last.sql"]


def test_statements_of_a_file_without_a_transaction() -> None:
    """A statement ends at a semicolon that ends its line, not at one within a line or a comment."""
    sql = "-- no transaction\nSELECT ';' -- a remark;\n || 'x'; -- done\n\n-- only a remark;\nSELECT 2;\n"
    assert statements(sql) == ["SELECT ';' -- a remark;\n || 'x'; -- done", "SELECT 2;"]
