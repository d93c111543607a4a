"""Habits that a reader relies on, checked where a machine can."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("ratelimit", "cache", "queueing", "platform", "client", "loadtests", "benchmarks")
READS_THE_ENVIRONMENT = "platform/sadd/settings/"


def modules(*folders: str) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield str(file.relative_to(ROOT)), file.read_text()


MAY_SLEEP = {
    "tests/waiting.py": "it is the poll itself",
    "tests/loadtests/test_processes.py": "programs that must be there to be stopped",
    "tests/sadd/cli/test_command.py": "a command that must be there to be interrupted",
    "tests/sadd/embedded/test_end.py": "the moment of the kill is the input",
    "tests/sadd/supervisor/test_waiting.py": "a store that never answers",
    "tests/sadd/supervisor/worker.py": "a worker that must be there to be stopped",
    "tests/sadd/valkey/fleet.py": "a pause between two calls of a load",
}


def test_no_test_sleeps_to_wait() -> None:
    """Tests poll a condition with a deadline; what sleeps for another reason is listed with it."""
    sleeps = re.compile(r"(?<![\w.])(time|asyncio|gevent)\.sleep\((?!0\))")
    found = {name for name, text in modules("tests") if sleeps.search(text)}
    assert found <= set(MAY_SLEEP), "poll with tests.waiting.eventually instead"


def test_only_settings_read_the_environment() -> None:
    """A setting has one door: os.environ is read in sadd.settings alone."""
    readers = [name for name, text in modules(*SOURCES) if "os.environ" in text or "os.getenv" in text]
    assert [name for name in readers if not name.startswith(READS_THE_ENVIRONMENT)] == []


@pytest.mark.parametrize("folder", SOURCES)
def test_every_module_says_what_it_is(folder: str) -> None:
    """The first thing in a module is a sentence about it."""
    silent = [name for name, text in modules(folder) if text and not ast.get_docstring(ast.parse(text))]
    assert silent == []


def test_tests_state_their_fact() -> None:
    """Each test opens with the fact that it proves."""
    silent = [
        f"{name}:{node.name}"
        for name, text in modules("tests")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def names_taken_from_own_root(name: str, text: str) -> Iterator[str]:
    """Names (not submodules) that a module imports from the package it lies in."""
    file = Path(name.removeprefix("platform/").removeprefix("client/"))
    if file.name == "__init__.py":
        return
    root = ".".join(file.parent.parts)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == root:
            folder = (ROOT / name).parent
            for alias in node.names:
                if not ((folder / f"{alias.name}.py").exists() or (folder / alias.name).is_dir()):
                    yield f"{name}:{node.lineno}: {alias.name}"


def test_no_module_imports_its_own_root() -> None:
    """Inside a package nobody imports from the package's root: that is how import cycles begin."""
    found = [taken for name, text in modules(*SOURCES) for taken in names_taken_from_own_root(name, text)]
    assert found == []
