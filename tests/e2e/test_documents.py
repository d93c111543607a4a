"""What the documents tell a newcomer to type works, as it is written."""

import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from sadd.cli.bench import BENCHMARKS
from tests.e2e.platform import SADD, Platform

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def script(document: str, heading: str = "") -> str:
    """The shell lines of a document (after a heading), without those that start or stop things with make."""
    text = (ROOT / document).read_text().partition(heading)[2] if heading else (ROOT / document).read_text()
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    return "\n".join(line for line in lines if not re.match(r"make |export (SADD|PATH)=", line))


@pytest.mark.parametrize(
    ("document", "heading"), [("README.md", "## The first call"), ("docs/getting-started.md", "")]
)
def test_a_newcomers_lines(running: Platform, tmp_path: Path, document: str, heading: str) -> None:
    """Each line of the first steps succeeds, and every answer of the platform is a success."""
    (tmp_path / ".venv").symlink_to(SADD.parents[1])
    (tmp_path / ".sadd").symlink_to(running.folder / ".sadd")
    lines = script(document, heading)
    assert lines.count("curl") >= 3
    told = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'curl() {{ command curl -sS --fail-with-body "$@"; }}\n{lines}'],
        cwd=tmp_path,
        env={**running.environment, "SADD": running.url, "PATH": f"{SADD.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_every_benchmark_is_named() -> None:
    """Where the words of the command are listed, and on the benchmarks' own page."""
    (listed,) = re.findall(r"`sadd bench (\S+)`", (ROOT / "docs/cli.md").read_text())
    explained = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/benchmarks.md").read_text(), re.MULTILINE)
    assert set(listed.split("\\|")) == set(BENCHMARKS)
    assert {word for word in explained if word in BENCHMARKS} == set(BENCHMARKS)


def test_the_interface_is_described(running: Platform) -> None:
    """The whole platform's OpenAPI document is valid and names every service's endpoints."""
    with urllib.request.urlopen(f"{running.url}/openapi.json", timeout=30) as answer:
        described = json.load(answer)
    validate(described)
    tags = {operation["tags"][0] for path in described["paths"].values() for operation in path.values()}
    assert {"limits", "cache", "queues", "sessions", "catalogue", "health"} <= tags
