"""A platform as an operator runs it: the command in a process of its own, in a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from sadd.supervisor.child import Program, tethered
from tests.waiting import eventually_sync

START_SECONDS = 60.0
SADD = Path(sys.executable).with_name("sadd")
AGENCY, SERVICE = "moehe", "moehe-secondary-results"


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "sadd.app.worker" in process.cmdline()
    except psutil.Error:  # it has just died
        return False


class Platform:
    """A running ``sadd up``."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.process = process
        self.folder = folder
        self.environment = environment

    @property
    def told(self) -> dict[str, Any]:
        """What the platform says of itself to commands on this machine."""
        told: dict[str, Any] = json.loads((self.folder / ".sadd/run/stores.json").read_text())
        return told

    @property
    def url(self) -> str:
        return str(self.told["http_url"])

    def status(self, path: str) -> int:
        """HTTP status of a GET; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except (OSError, ValueError):
            return 0

    def workers(self) -> list[psutil.Process]:
        """The processes that serve."""
        return [child for child in psutil.Process(self.process.pid).children() if _is_worker(child)]

    def processes(self) -> list[psutil.Process]:
        """All of it, the command itself too."""
        command = psutil.Process(self.process.pid)
        return [command, *command.children(recursive=True)]

    def sadd(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Another command beside it, in the same folder."""
        return sadd(*words, cwd=self.folder, env=self.environment)

    def key(self, *scopes: str, agency: str = AGENCY) -> str:
        made = self.sadd("keys", "create", "--agency", agency, "--scope", *scopes, "--json")
        assert made.returncode == 0, made.stderr
        return str(json.loads(made.stdout)["key"])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with no settings of the platform but these, two workers and a free port."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SADD_")}
    return {**inherited, "SADD_SERVER_PORT": "0", "SADD_SERVER_WORKERS": "2", **settings}


def sadd(
    *words: str, cwd: Path, env: Mapping[str, str], command: Path = SADD
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [command, *words], cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def platform(folder: Path, *flags: str, command: Path = SADD, **settings: str) -> Iterator[Platform]:
    """``sadd up`` on a free port in ``folder``, ready; stopped at the end if it still runs.

    It is tied to this process: a test run that is killed leaves nothing behind.
    """
    env = environment(**settings)
    words = tethered(Program("sadd", (str(command), "up", *flags), folder=str(folder)))
    with (folder / "sadd.log").open("ab") as log:
        process = subprocess.Popen(words, env=env, stderr=log)
    running = Platform(process, folder, env)
    try:
        eventually_sync(lambda: process.poll() is None and running.status("/readyz") == 200, START_SECONDS)
        yield running
    finally:
        if process.poll() is None:
            running.stop()
