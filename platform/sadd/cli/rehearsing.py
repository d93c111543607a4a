"""What ``sadd demo`` and ``sadd loadtest`` share: a platform as their program, a key for it, a folder."""

import json
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from loadtests.morning import Sadd
from loadtests.processes import Stage, answers, free_port
from loadtests.scenario import Scenario, load
from sadd.cli.outcome import Failed, UsageError
from sadd.embedded.folder import FolderUnusable, hold_folder
from sadd.settings import EVERY_SETTING, Loaded

SCOPES = ("limits:check", "cache:read", "cache:write", "sessions:read", "sessions:write")
KEY_DAYS = 1
DRAIN_SHARE = 1.4
"""Of the arrival time, when only that was given: the last to come need it to get through the line."""


def add_play_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--scale", type=float, help="the peak's demand / the origin's capacity [4]")
    parser.add_argument(
        "--seconds", type=float, help="length of the arrivals; the runs last about twice that"
    )
    parser.add_argument("--seed", type=int, help="of arrivals and citizens; the same seed is the same crowd")
    parser.add_argument(
        "--generators", type=int, default=0, metavar="N", help="Locust workers; 0 is one process"
    )
    parser.add_argument("--out", type=Path, help="folder for report, verdict and logs [out/TIME-NAME]")


def scenario_of(name: str, args: Namespace) -> Scenario:
    """The scenario with the command's changes. Raises UsageError for a name that there is not."""
    drain = None if args.seconds is None else max(12.0, DRAIN_SHARE * args.seconds)
    if args.scale is not None and args.scale <= 0:
        raise UsageError(f"sadd: --scale {args.scale:g} is not accepted: more than 0")
    if args.seconds is not None and args.seconds < 1:
        raise UsageError(f"sadd: --seconds {args.seconds:g} is not accepted: 1 or more")
    try:
        return load(name, scale=args.scale, arrive_seconds=args.seconds, drain_seconds=drain, seed=args.seed)
    except LookupError as unknown:
        raise UsageError(f"sadd: {unknown.args[0]}") from None


def folder_of(name: str, args: Namespace) -> Path:
    """Where this run writes; made, and empty unless ``--out`` named one with something in it."""
    folder: Path = args.out or Path("out") / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    for told in folder.glob("*.progress.jsonl"):  # of an earlier run: it would be shown as this one's
        told.unlink()
    return folder.resolve()


def require_load() -> None:
    """Raises ModuleNotFoundError now, not after two minutes, when a package of ``sadd[load]`` is missing."""
    for package in ("locust", "matplotlib"):
        if find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)


def start_platform(stage: Stage, loaded: Loaded, agency: str) -> Sadd:
    """``sadd up`` with these settings in a folder of its own, ready, and a key that lives for a day."""
    port = loaded.settings.server.port if _given(loaded, "server.port") else free_port()
    host = loaded.settings.server.host
    flags = [*_flags(loaded), "--data-dir", str(_emptied(Path(loaded.settings.data.dir)))]
    program = stage.start("platform", [*_sadd("up"), *flags, "--server-port", str(port)])
    url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104 - compared only
    # Its own start-up time-out ends it with the reason in its log; ours is for a platform that hangs.
    stage.wait_until(lambda: answers(f"{url}/readyz"), program, loaded.settings.startup.timeout_seconds + 10)
    return Sadd(url, _key_file(stage, flags, agency))


def _emptied(data: Path) -> Path:
    """The rehearsals' own data folder inside the platform's, with nothing of an earlier one in it.

    A line that an earlier crowd left would be called first, in vain, while this one waits. And whoever has
    ``sadd up`` running on the platform's folder can rehearse beside it. Lock files stay: a process that is
    just ending may hold one.
    """
    folder = data / "rehearsal"
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with hold_folder(folder):
            for entry in [entry for entry in folder.iterdir() if entry.is_dir()]:
                shutil.rmtree(entry)
    except FolderUnusable as error:
        raise Failed(f"sadd: {error}") from None
    return folder


def _key_file(stage: Stage, flags: list[str], agency: str) -> Path:
    words = ("--agency", agency, "--scope", *SCOPES, "--label", "rehearsal", "--expires-days", str(KEY_DAYS))
    command = [*_sadd("keys", "create"), *words, "--json", *flags]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if made.returncode != 0:
        raise Failed(f"sadd: no key for {agency}: {made.stderr.strip()}")
    path = stage.logs / "portal.key"
    path.touch(mode=0o600)
    path.write_text(json.loads(made.stdout)["key"], encoding="utf-8")
    return path


def _sadd(*words: str) -> list[str]:
    return [sys.executable, "-m", "sadd", *words]


def _flags(loaded: Loaded) -> list[str]:
    """The flags (but the data folder) and the file that we were given; the environment is inherited."""
    flagged = [setting for setting in EVERY_SETTING if loaded.origins[setting.name].kind == "flag"]
    given = [setting for setting in flagged if setting.name != "data.dir"]
    flags = [f"{setting.flag}={setting.of(loaded.settings)}" for setting in given]
    return [*flags, *(["--config", str(loaded.file)] if loaded.file else [])]


def _given(loaded: Loaded, name: str) -> bool:
    return loaded.origins[name].kind != "default"
