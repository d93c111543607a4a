import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from sadd.cli import main
from sadd.settings import environment_names


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str


Sadd = Callable[..., Ended]


@pytest.fixture
def sadd(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Sadd]:
    """Runs the command in this process, in an empty folder, without settings of whoever runs the tests."""
    for name in environment_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    handlers = logging.root.handlers[:]

    def run(*words: str) -> Ended:
        capsys.readouterr()
        code = main(words)
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    yield run
    # A command sets up logging on the standard error of this test.
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
