"""A process that holds stores open, and what is left of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import asyncpg
import redis.asyncio

from tests.waiting import eventually_sync

ROOT = Path(__file__).parents[3]
PATH = (ROOT, ROOT / "platform", *(Path(folder) for folder in sys.path if folder.endswith("site-packages")))


class Holder:
    """``holding.py`` at work on a folder."""

    def __init__(
        self,
        folder: Path,
        words: tuple[str, ...],
        python: str,
        user: str | None,
        prepare: Callable[[], None] | None,
    ) -> None:
        self.process = subprocess.Popen(
            [python, "-m", "tests.sadd.embedded.holding", str(folder), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, PATH))},
            user=user,
            preexec_fn=prepare,
            text=True,
        )

    def urls(self) -> dict[str, str]:
        """Waits until the stores are open."""
        line = _stream(self.process.stdout).readline()
        assert line, _stream(self.process.stderr).read()
        urls: dict[str, str] = json.loads(line)
        return urls

    def last_words(self, timeout_seconds: float = 30) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=timeout_seconds)
        return self.process.returncode, errors


@contextmanager
def holding(
    folder: Path,
    *words: str,
    python: str = sys.executable,
    user: str | None = None,
    prepare: Callable[[], None] | None = None,
) -> Iterator[Holder]:
    """A holder for the block. It is killed at its end, and its servers are waited for."""
    holder = Holder(folder, words, python, user, prepare)
    try:
        yield holder
    finally:
        holder.process.kill()
        holder.process.communicate()
        eventually_sync(lambda: processes_in(folder) == [])


def processes_in(folder: Path) -> list[int]:
    """All processes, whoever their parent, that work in the folder; servers and their children do."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


async def write(urls: dict[str, str], value: str) -> None:
    """One row and one key."""
    async with redis.asyncio.Redis.from_url(urls["valkey"]) as client:
        await client.set("kept", value)
    await _execute(urls["database"], "CREATE TABLE IF NOT EXISTS kept (value text)")
    await _execute(urls["database"], f"INSERT INTO kept VALUES ('{value}')")


async def read(urls: dict[str, str]) -> tuple[str, str]:
    async with redis.asyncio.Redis.from_url(urls["valkey"], decode_responses=True) as client:
        key = await client.get("kept")
    connection = await asyncpg.connect(urls["database"])
    try:
        return str(key), await connection.fetchval("SELECT max(value) FROM kept")
    finally:
        await connection.close()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
