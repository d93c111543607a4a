"""The arrows of the house hold, and a wrong one is seen."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("ratelimit", "cache", "queueing", "platform", "client", "loadtests", "benchmarks")

PLANTED = [
    ("ratelimit/limiter.py", "import cache", "know neither each other"),
    ("queueing/rooms.py", "import sadd.settings", "does not know the platform"),
    ("platform/sadd/settings/values.py", "import sadd.app", "no floor on the one above"),
    ("platform/sadd/catalogue/model.py", "import sadd.web.server", "no floor on the one above"),
    ("platform/sadd/session/policy.py", "import redis", "spoken in one place"),
    ("cache/entry.py", "import aiohttp", "HTTP is spoken in sadd.web"),
    ("loadtests/arrivals.py", "import queueing", "by HTTP only"),
    ("client/sadd_client/slice.py", "import ratelimit", "knows nothing of ours"),
    ("platform/sadd/web/limits.py", "import sadd_client", "stands on the client"),
]


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        env={
            "PYTHONPATH": f"{tree}:{tree / 'platform'}:{tree / 'client'}",
            "PATH": "/usr/bin:/bin",
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    skip = shutil.ignore_patterns("__pycache__", "data")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(tree: Path) -> None:
    """As committed, no import points the wrong way."""
    found = lint(tree)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(("file", "line", "contract"), PLANTED)
def test_a_planted_import_breaks_its_contract(tree: Path, file: str, line: str, contract: str) -> None:
    """A wrong import anywhere is refused, by the contract that it breaks."""
    planted = tree / file
    assert planted.exists(), "the plant must stand in a real module"
    planted.write_text(f"{planted.read_text()}\n{line}\n")
    found = lint(tree)
    assert found.returncode == 1
    broken = [row for row in found.stdout.splitlines() if row.endswith("BROKEN")]
    assert any(contract in row for row in broken), found.stdout


def test_the_standard_library_keeps_its_platform() -> None:
    """The folder ``platform/`` does not shadow the standard library's module."""
    named = subprocess.run(
        [sys.executable, "-c", "import platform; print(platform.system())"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert named.stdout.strip() == "Linux"
    assert not (ROOT / "platform/__init__.py").exists()
