import ast
import inspect
from pathlib import Path

import pytest

import sadd_client
from sadd_client import (
    AsyncCache,
    AsyncClient,
    AsyncLimiter,
    AsyncRoom,
    AsyncSessions,
    Cache,
    Client,
    Limiter,
    Room,
    SaddError,
    Sessions,
)
from tests.client.doors import KEY

SOURCES = sorted(Path(sadd_client.__file__).parent.rglob("*.py"))


def test_the_names_are_all_there() -> None:
    """``__all__`` is what the root imports, sorted."""
    public = {name for name in vars(sadd_client) if not name.startswith("_")}
    own = {name for name in public if not inspect.ismodule(getattr(sadd_client, name))}
    assert sadd_client.__all__ == sorted(own | {"__version__"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (AsyncClient, Client),
        (AsyncLimiter, Limiter),
        (AsyncCache, Cache),
        (AsyncSessions, Sessions),
        (AsyncRoom, Room),
    ],
)
def test_both_clients_take_the_same_words(one: type, other: type) -> None:
    """Whoever knows one knows the other: same methods, same parameters, same documentation."""

    def methods(kind: type) -> dict[str, list[str]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {name: [*inspect.signature(call).parameters] for name, call in found if name[0] != "_"}

    assert methods(one) == methods(other)
    assert [*inspect.signature(one).parameters] == [*inspect.signature(other).parameters]


def test_every_error_has_one_root() -> None:
    """``except SaddError`` is enough."""
    errors = [found for found in vars(sadd_client).values() if isinstance(found, type)]
    assert all(issubclass(found, SaddError) for found in errors if issubclass(found, BaseException))


def test_frameworks_are_no_dependencies() -> None:
    """Only the middleware of a framework imports it; the rest needs h11 and the standard library."""
    allowed = {"h11", "sadd_client", "nacl"}  # the last one in a single place, imported when it is needed
    for file in SOURCES:
        if file.parent.name == "middleware":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            roots = {name.partition(".")[0] for name in names}
            assert roots <= allowed | sys_names(), file


def sys_names() -> frozenset[str]:
    import sys

    return sys.stdlib_module_names


@pytest.mark.parametrize("kind", [AsyncClient, Client])
def test_on_loss_has_no_default(kind: type[AsyncClient] | type[Client]) -> None:
    """Whether callers pass while nobody can say is said by the one who knows the service."""
    with pytest.raises(TypeError, match="on_loss"):
        kind("http://localhost", key=KEY)  # type: ignore[call-arg]  # that it is missing is the point


@pytest.mark.parametrize(
    "words",
    [
        {"url": "localhost:8080"},
        {"url": "ftp://localhost"},
        {"url": "http://user:secret@localhost"},
        {"url": "http://localhost?key=1"},
        {"url": "http://"},
        {"url": "http://local\x00host"},
        {"url": "http://localhost:port"},
        {"on_loss": "maybe"},
        {"on_loss": "local"},
        {"deadline_seconds": 0},
        {"connections_max": 0},
        {"key": "hunter2"},
    ],
)
def test_what_cannot_be_is_refused_when_made(words: dict[str, object]) -> None:
    """Not on the morning of the results: at the start, and without showing a secret."""
    given: dict[str, object] = {"url": "http://localhost", "key": KEY, "on_loss": "open", **words}
    with pytest.raises(ValueError) as raised:
        Client(given.pop("url"), **given)  # type: ignore[arg-type]  # wrong ones are the point
    assert "hunter2" not in str(raised.value)
    assert "secret" not in str(raised.value)
