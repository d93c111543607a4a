import json
from pathlib import Path

import pytest

from sadd.settings import EVERY_SETTING
from sadd.settings.reference import markdown
from tests.sadd.cli.conftest import Sadd

SECRET = "hunter2"


def _line(out: str, name: str) -> list[str]:
    return next(line for line in out.splitlines() if line.startswith(f"{name} ")).split(maxsplit=2)


def test_show(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """show has every setting with its value and where that came from."""
    Path("sadd.toml").write_text("[log]\nlevel = 'debug'")
    monkeypatch.setenv("SADD_SERVER_WORKERS", "2")

    out = sadd("config", "show", "--server-port", "9090").out

    assert _line(out, "server.port") == ["server.port", "9090", "flag --server-port"]
    assert _line(out, "server.workers") == ["server.workers", "2", "environment SADD_SERVER_WORKERS"]
    assert _line(out, "log.level") == ["log.level", "debug", "file sadd.toml [log] level"]
    assert _line(out, "valkey.url") == ["valkey.url", "(empty)", "default"]
    assert len(out.splitlines()) == 1 + len(EVERY_SETTING)


def test_show_json(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """show --json is one array with all that is known of each setting, numbers as numbers."""
    monkeypatch.setenv("SADD_SERVER_WORKERS", "2")

    shown = {setting["name"]: setting for setting in json.loads(sadd("config", "show", "--json").out)}

    assert set(shown) == {setting.name for setting in EVERY_SETTING}
    assert shown["server.workers"] == {
        "name": "server.workers",
        "value": 2,
        "from": "environment",
        "place": "SADD_SERVER_WORKERS",
        "default": 0,
        "meaning": "Worker processes; 0 is one for each core.",
        "accepted": "a whole number from 0 to 1024",
        "environment": "SADD_SERVER_WORKERS",
        "flag": "--server-workers",
    }


@pytest.mark.parametrize("words", [("show",), ("show", "--json"), ("check",)])
def test_secrets_are_masked(sadd: Sadd, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    """Passwords inside URLs are printed nowhere; the rest of the URL is."""
    monkeypatch.setenv("SADD_VALKEY_URL", f"redis://user:{SECRET}@cache:6379/0")
    monkeypatch.setenv("SADD_DATABASE_URL", f"postgresql://db/sadd?password={SECRET}")

    ended = sadd("config", *words)

    assert ended.code == 0
    assert SECRET not in ended.out + ended.err
    if "show" in words:
        assert "redis://user:***@cache:6379/0" in ended.out
        assert "postgresql://db/sadd?password=***" in ended.out


def test_secrets_in_errors(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that is refused does not print its password either."""
    monkeypatch.setenv("SADD_VALKEY_URL", f"http://user:{SECRET}@cache:6379/0")

    ended = sadd("config", "check")

    assert ended.code == 2
    assert SECRET not in ended.out + ended.err


def test_check(sadd: Sadd) -> None:
    """check says that all is well, and how much was given by which file."""
    Path("sadd.toml").write_text("[log]\nlevel = 'debug'")

    ended = sadd("config", "check", "--server-port", "1")

    assert ended.code == 0
    assert (
        ended.out
        == f"fine: 2 of {len(EVERY_SETTING)} settings given, the others at their default, file sadd.toml\n"
    )


def test_check_names_every_fault(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """check has one line for each fault, and exit code 2."""
    monkeypatch.setenv("SADD_SERVER_PORT", "x")
    monkeypatch.setenv("SADD_LOG_LVL", "debug")

    ended = sadd("config", "check")

    assert ended.code == 2
    assert ended.err.splitlines() == [
        "sadd: SADD_LOG_LVL is no setting; the nearest is SADD_LOG_LEVEL",
        "sadd: server.port = 'x' (from environment SADD_SERVER_PORT) is not accepted:"
        " it must be a whole number from 0 to 65535",
    ]


def test_docs(sadd: Sadd) -> None:
    """docs prints the page of settings."""
    assert sadd("config", "docs").out == markdown()


def test_check_looks_at_what_the_values_name(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is none and an address that is none are faults too, each told with its setting."""
    monkeypatch.setenv("SADD_CATALOGUE_PATH", "/nowhere")
    monkeypatch.setenv("SADD_SERVER_HOST", "not..a..host")

    ended = sadd("config", "check")

    assert ended.code == 2
    first, second = ended.err.splitlines()
    assert first == "sadd: catalogue.path: /nowhere is not a folder of catalogue files"
    assert second.startswith("sadd: server.host: not..a..host is no address of this machine")
