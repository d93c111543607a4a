import ast
import re
from pathlib import Path

import pytest

import sadd.settings
from sadd.settings import EVERY_SETTING, environment_names
from sadd.settings.accepted import Number, Switch, Text, Url, Whole
from sadd.settings.reference import markdown

ROOT = Path(__file__).parents[3]


def test_docs_are_current() -> None:
    """docs/settings.md is what `sadd config docs` prints."""
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == markdown(), (
        "sadd config docs > docs/settings.md"
    )


@pytest.mark.parametrize("setting", EVERY_SETTING, ids=lambda setting: setting.name)
def test_documented(setting: sadd.settings.Setting) -> None:
    """Each setting has a meaning that is one sentence, a default that is accepted, and a row in the docs."""
    assert re.fullmatch(r"[A-Z][^\n|]+\.", setting.meaning)
    assert setting.accepted.check(setting.default) == setting.default
    row = next(line for line in markdown().splitlines() if line.startswith(f"| `{setting.name}` |"))
    assert setting.meaning in row
    assert setting.variable in row
    assert setting.flag in row


@pytest.mark.parametrize("setting", EVERY_SETTING, ids=lambda setting: setting.name)
def test_unit_in_the_name(setting: sadd.settings.Setting) -> None:
    """What is counted in a unit says so at its end; what has no unit is on the list here."""
    counts = {"server.port", "server.workers", "valkey.max_in_flight", "database.pool_max"}
    counts |= {"grpc.port", "grpc.quota_port", "shield.port", "gate.spoe_port", "gate.outcomes_port"}
    counts |= {"queues.events_max", "sessions.streams_max", "cache.events_max"}
    if isinstance(setting.accepted, Whole | Number) and setting.name not in counts:
        assert setting.field.rpartition("_")[2] in {"ms", "seconds", "bytes"} or "_bytes_" in setting.field


def test_environment_names() -> None:
    """All names that are read, SADD_CONFIG with them, sorted and each once."""
    names = environment_names()

    assert {"SADD_CONFIG", "SADD_STARTUP_TIMEOUT_SECONDS", "SADD_VALKEY_URL"} <= set(names)
    assert list(names) == sorted(set(names))
    assert len(names) == len(EVERY_SETTING) + 1


def test_public_names() -> None:
    """__all__ is sorted as ruff sorts it and holds what the package gives."""
    assert all(hasattr(sadd.settings, name) for name in sadd.settings.__all__)
    assert len(sadd.settings.__all__) == len(set(sadd.settings.__all__))


def test_environment_is_read_here_only() -> None:
    """No module of the packages reads os.environ or os.getenv, save the settings' sources."""
    packages = ("platform/sadd", "ratelimit", "cache", "queueing")
    readers = {
        str(file.relative_to(ROOT))
        for package in packages
        for file in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
    }

    assert readers == {"platform/sadd/settings/sources.py"}


def test_switch() -> None:
    """A switch is true or false and nothing else."""
    assert Switch().read("True") is True
    assert Switch().read("false") is False
    for text in ("", "1", "yes"):
        with pytest.raises(ValueError):
            Switch().read(text)
    with pytest.raises(ValueError):
        Switch().check(1)
    assert Switch().shown(True) == "true"


def test_secret_text() -> None:
    """Secret text is never shown; that it is empty is."""
    assert Text("a word", secret=True).shown("abc") == "***"
    assert Text("a word", or_empty=True, secret=True).shown("") == ""


@pytest.mark.parametrize(
    "value", ["x y://h", "redis://", "redis:/h", "://h", "Redis://h", "redis://h\n", 5, None]
)
def test_no_url(value: object) -> None:
    """A URL has a known scheme, something after it, and no white space."""
    with pytest.raises(ValueError):
        Url(("redis",)).check(value)
