"""The log of a server has a bound, and its end is the message when the server fails."""

import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sadd.embedded import server as module
from sadd.embedded.folder import hold_folder
from sadd.embedded.server import Server, tail
from sadd.embedded.valkey import Valkey
from tests.waiting import eventually


async def test_a_log_that_grew_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the server runs and writes: what was there goes to .log.1, what comes goes on in .log."""
    monkeypatch.setattr(module, "LOG_MAX_BYTES", 1000)
    monkeypatch.setattr(module, "LOG_CHECK_SECONDS", 0.01)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "valkey.log").write_text("old\n" * 1000)
    with hold_folder(tmp_path) as folder:
        server = Server(Valkey(folder), folder, start_timeout_seconds=30)
        await server.start()
        await server.stop()
    assert (tmp_path / "logs" / "valkey.log.1").read_text().startswith("old\n")
    assert (tmp_path / "logs" / "valkey.log").stat().st_size < 4000


def test_the_tail_is_one_line(tmp_path: Path) -> None:
    """The last lines, joined; nothing if there is nothing."""
    log = tmp_path / "a.log"
    assert tail(log) == ""
    log.write_text("".join(f"line {n}\n" for n in range(10)))
    assert tail(log) == ": line 5 | line 6 | line 7 | line 8 | line 9"


class Stubborn(Valkey):
    """Its probe fails in a way that nobody foresaw, a few times after the first start."""

    failures_left = 0

    async def probe(self) -> None:
        if self.failures_left:
            self.failures_left -= 1
            raise ValueError("not foreseen")
        await super().probe()


async def test_nothing_ends_the_watch_over_a_server(tmp_path: Path) -> None:
    """Restarts that fail, for whatever reason, are tried again."""
    with hold_folder(tmp_path) as folder:
        recipe = Stubborn(folder)
        server = Server(recipe, folder, start_timeout_seconds=30)
        await server.start()
        first = server.child
        recipe.failures_left = 2
        assert first is not None
        first.send(signal.SIGKILL)
        await eventually(lambda: recipe.failures_left == 0)
        await eventually(recipe_serves(recipe))
        assert server.child is not first
        await server.stop()


def recipe_serves(recipe: Valkey) -> Callable[[], Awaitable[bool]]:
    async def serves() -> bool:
        await recipe.probe()
        return True

    return serves
