import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import sadd.cli
from sadd.cli import command
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.parser import Parser, take_settings
from sadd.settings import EVERY_SETTING, Settings
from sadd.version import __version__
from tests.sadd.cli.conftest import Sadd


def _plant(monkeypatch: pytest.MonkeyPatch, run: object) -> None:
    """Makes ``sadd up`` run ``run``."""

    def add(subparsers: "argparse._SubParsersAction[Parser]") -> None:
        subparsers.add_parser("up").set_defaults(run=run)

    monkeypatch.setitem(sys.modules, "sadd.cli.up", SimpleNamespace(add=add))


def _raising(error: BaseException) -> object:
    def run(args: argparse.Namespace, settings: Settings) -> int:
        raise error

    return run


def _absent(package: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"No module named {package!r}", name=package)


NEAR_PORT = "not understood here (the nearest setting is --server-port)"
NOT_INSTALLED = "which is not installed: pip install"


def test_help(sadd: Sadd) -> None:
    """The help has every word, examples, the exit codes and where settings come from."""
    ended = sadd("--help")

    assert ended.code == 0
    assert ended.err == ""
    for part in (*command.WORDS, "examples:", "exit codes:", "settings:", "SADD_CONFIG", "sadd.toml"):
        assert part in ended.out


def test_help_of_up(sadd: Sadd) -> None:
    """The help of up has every setting's flag, meaning and default, and its own exit codes."""
    out = sadd("up", "--help").out

    assert "exit codes:" in out
    for setting in EVERY_SETTING:
        assert f"{setting.flag} " in out
        assert setting.meaning in out


@pytest.mark.parametrize("word", [*command.WORDS])
def test_help_of_each_word(sadd: Sadd, word: str) -> None:
    """Every word explains itself."""
    ended = sadd(word, "--help")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"usage: sadd {word} ")


def test_version(sadd: Sadd) -> None:
    """--version prints the version."""
    assert sadd("--version").out == f"sadd {__version__}\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "sadd: say what to do: up, "),
        (("--prot", "1"), "sadd: --prot is not understood here"),
        (("kesy",), "sadd: 'kesy' is no word of sadd; the nearest is keys"),
        (("keys",), "sadd keys: the following arguments are required: WORD"),
        (("keys", "crate"), "sadd keys: argument WORD: invalid choice: 'crate' (choose from"),
        (("keys", "create"), "sadd keys create: the following arguments are required: --agency, --scope"),
        (("config", "show", "--jsn"), "sadd: --jsn is not understood here (sadd --help explains)"),
        (("config", "show", "--server-prot", "1"), f"sadd: --server-prot is {NEAR_PORT}"),
        (("config", "show", "--server-p=1"), f"sadd: --server-p is {NEAR_PORT}"),
        (("config", "show", "more"), "sadd: more is not understood here"),
        (("config", "show", "--server-port"), "sadd: argument --server-port: expected one argument"),
        (
            ("config", "show", "--server-port", "x"),
            "sadd: server.port = 'x' (from flag --server-port) is not",
        ),
        (("config", "show", "--config", "absent"), "sadd: absent, named by flag --config, cannot be read: "),
    ],
)
def test_mistakes(sadd: Sadd, words: tuple[str, ...], line: str) -> None:
    """A mistake is one plain line on standard error, without a usage dump, and exit code 2."""
    ended = sadd(*words)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(line)
    assert ended.err.count("\n") == 1
    assert "usage:" not in ended.err


def test_no_abbreviations(sadd: Sadd) -> None:
    """A flag is written in full: --js is not --json."""
    assert sadd("config", "show", "--js").code == 2


def test_bad_environment(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown SADD_ name stops any word."""
    monkeypatch.setenv("SADD_VALKEY_ULR", "redis://h")

    ended = sadd("config", "docs")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "sadd: SADD_VALKEY_ULR is no setting; the nearest is SADD_VALKEY_URL\n"


def test_settings_before_and_after() -> None:
    """Settings may stand anywhere, in both spellings; everything else is left in order."""
    flags, config, rest = take_settings(
        [
            "--server-port",
            "1",
            "keys",
            "--config=c.toml",
            "list",
            "--json",
            "--valkey-url=redis://h",
            "--agency",
            "moi",
        ]
    )

    assert flags == {"server.port": "1", "valkey.url": "redis://h"}
    assert config == "c.toml"
    assert rest == ["keys", "list", "--json", "--agency", "moi"]


def test_settings_stop_at_two_dashes() -> None:
    """What stands after -- is no setting."""
    flags, _, rest = take_settings(["bench", "--", "--server-port", "1"])

    assert flags == {}
    assert rest[-2:] == ["--server-port", "1"]


def test_run_gets_settings(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word's run is given the settings, and its answer is the exit code."""
    _plant(monkeypatch, lambda args, settings: settings.server.port)

    assert sadd("up", "--server-port", "3").code == 3


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (Failed("no, it does not"), 1, "no, it does not\n"),
        (Failed("one", "two"), 1, "one\ntwo\n"),
        (UsageError("not so"), 2, "not so\n"),
        (ConnectionRefusedError(111, "Connection refused"), 1, "sadd: [Errno 111] Connection refused\n"),
        (TimeoutError(), 1, "sadd: TimeoutError\n"),
        (KeyboardInterrupt(), 130, ""),
        (_absent("locust"), 2, f"sadd: up needs locust, {NOT_INSTALLED} 'sadd[load]'\n"),
        (_absent("matplotlib.pyplot"), 2, f"sadd: up needs matplotlib, {NOT_INSTALLED} 'sadd[load]'\n"),
        (_absent("x"), 2, f"sadd: up needs x, {NOT_INSTALLED} x\n"),
    ],
)
def test_endings(
    sadd: Sadd, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    """Every ending has its exit code and plain lines, never a traceback."""
    _plant(monkeypatch, _raising(error))

    ended = sadd("up")

    assert (ended.code, ended.err) == (code, line)


def test_defects_are_shown(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of ours is not dressed up as a mistake of the user's."""
    for defect in (ZeroDivisionError(), _absent("sadd.x")):
        _plant(monkeypatch, _raising(defect))
        with pytest.raises(type(defect)):
            sadd("up")


def test_missing_dependency_at_import(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word whose module cannot even be imported for want of a package says which one."""

    def import_module(name: str) -> object:
        raise _absent("locust")

    monkeypatch.setattr(importlib, "import_module", import_module)

    ended = sadd("loadtest", "list")

    assert ended.code == 2
    assert ended.err == "sadd: loadtest needs locust, which is not installed: pip install 'sadd[load]'\n"


def test_bench_passes_on(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """bench store hands every other word to the benchmark, its help and options too."""
    got: list[list[str]] = []

    def main(argv: list[str]) -> int:
        got.append(argv)
        return 1

    monkeypatch.setitem(sys.modules, "benchmarks.bench_store", SimpleNamespace(main=main))

    codes = [sadd("bench", "store", "--json", "--rounds", "3").code, sadd("bench", "store", "--help").code]

    assert codes == [1, 1]
    assert got == [["--json", "--rounds", "3"], ["--help"]]


def test_bench_runs(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """bench identity measures."""
    monkeypatch.setattr("benchmarks.bench_identity.CALLS", 10)

    measured = json.loads(sadd("bench", "identity", "--json").out)

    assert {"live", "unknown", "wrong"} <= set(measured)


def test_up(sadd: Sadd, monkeypatch: pytest.MonkeyPatch) -> None:
    """up hands the settings to the application and ends as it ends."""
    got: list[Settings] = []

    def up(settings: Settings) -> int:
        got.append(settings)
        return 1

    monkeypatch.setitem(sys.modules, "sadd.app.machine", SimpleNamespace(up=up))

    assert sadd("up", "--server-workers", "2").code == 1
    assert got[0].server.workers == 2


def test_public_names() -> None:
    """The package gives main and nothing else."""
    assert sadd.cli.__all__ == ["main"]


# The rest runs as a process of its own, as a user does.

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("SADD_")}


def _process(*words: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", "sadd", *words],
        capture_output=True,
        text=True,
        env=CLEAN,
        timeout=60,
        **options,
    )


def test_as_a_module(tmp_path: Path) -> None:
    """python -m sadd and the installed command are the same, from any folder."""
    script = Path(sys.executable).parent / "sadd"
    by_script = subprocess.run(
        [script, "--version"], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    by_module = _process("--version", cwd=tmp_path)

    assert by_script.stdout == by_module.stdout == f"sadd {__version__}\n"
    assert (by_script.returncode, by_module.returncode) == (0, 0)


def test_help_imports_little() -> None:
    """sadd --help imports no word, no event loop, and nothing that is not the standard library's."""
    code = "import sys; from sadd.cli import main; main(['--help']); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout
    modules = set(out.splitlines()[-1].split())

    assert not modules & {"asyncio", "asyncpg", "aiohttp", "msgspec", "locust", "redis", "rich", "structlog"}
    assert not {f"sadd.cli.{word}" for word in command.WORDS} & modules


def test_exit_code_of_the_process() -> None:
    """The exit code reaches the shell."""
    ended = _process("kesy")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr


def test_closed_pipe() -> None:
    """A reader that goes away, as head does, ends the command without a word."""
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [sys.executable, "-m", "sadd", "config", "show"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=CLEAN,
        timeout=60,
    )
    os.close(write)

    assert ended.stderr == b""
    assert ended.returncode == 141


def test_interrupt() -> None:
    """Ctrl-C ends a command with 130 and no traceback."""
    code = (
        "import sys, time; from types import SimpleNamespace\n"
        "def run(args, settings):\n    print('running', flush=True); time.sleep(60)\n"
        "add = lambda subparsers: subparsers.add_parser('up').set_defaults(run=run)\n"
        "sys.modules['sadd.cli.up'] = SimpleNamespace(add=add)\n"
        "from sadd.cli import main; sys.exit(main(['up']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=CLEAN
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"running\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (130, b"")
