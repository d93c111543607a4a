"""Peers are installed once, and a refusal is asked for once."""

from pathlib import Path

import pytest

from benchmarks.peers.folder import PeerAbsent, Recipe, installed


def test_a_second_run_installs_nothing(tmp_path: Path) -> None:
    """The command that appends a line ran once."""
    recipe = Recipe("once-1.0", "sh", (("sh", "-c", "echo made >> {folder}/log"),))
    for _ in range(2):
        assert (installed(recipe, tmp_path) / "log").read_text() == "made\n"


def test_a_refusal_is_kept_with_its_words(tmp_path: Path) -> None:
    """The registry is not asked again; the report says what it said."""
    command = ("sh", "-c", "echo asked >> {folder}/log; echo 403 Forbidden >&2; exit 1")
    recipe = Recipe("never-1.0", "sh", (command,))
    for _ in range(2):
        with pytest.raises(PeerAbsent, match=r"never-1\.0: 403 Forbidden"):
            installed(recipe, tmp_path)
    assert (tmp_path / "never-1.0/log").read_text() == "asked\n"


def test_a_client_that_is_not_here_is_named(tmp_path: Path) -> None:
    """Nothing is written, since it may be here tomorrow."""
    recipe = Recipe("go-thing-1.0", "no-such-client", ())
    with pytest.raises(PeerAbsent, match="no-such-client is not on this machine"):
        installed(recipe, tmp_path)
    assert not (tmp_path / "go-thing-1.0").exists()
