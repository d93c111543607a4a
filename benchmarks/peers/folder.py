"""Where peers lie between runs: installed once by their ordinary client, each in a folder of its version.

A registry's refusal is kept too, so that the next run does not ask again: delete ``refused`` to do so.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

INSTALL_SECONDS = 600.0
DEFAULT = Path.home() / ".cache" / "sadd" / "peers"


class PeerAbsent(Exception):
    """The peer can't be had here. Its text is what the report says."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to install. ``{folder}`` in a word becomes the folder; ``name`` has the version in it."""

    name: str
    needs: str
    commands: tuple[tuple[str, ...], ...]


def installed(recipe: Recipe, peers: Path) -> Path:
    """The peer's folder, after an installation if it has none yet. Raises PeerAbsent."""
    folder = peers / recipe.name
    if (folder / "ready").exists():
        return folder
    refused = folder / "refused"
    if refused.exists():
        raise PeerAbsent(f"{recipe.name}: {refused.read_text().strip()}")
    if shutil.which(recipe.needs) is None:
        raise PeerAbsent(f"{recipe.name}: {recipe.needs} is not on this machine")
    folder.mkdir(parents=True, exist_ok=True)
    for command in recipe.commands:
        _run([word.format(folder=folder) for word in command], recipe.name, refused)
    (folder / "ready").touch()
    return folder


def _run(words: list[str], name: str, refused: Path) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise PeerAbsent(f"{name}: not installed within {INSTALL_SECONDS:.0f} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        refused.write_text(said[-1] + "\n")
        raise PeerAbsent(f"{name}: {said[-1]}")
