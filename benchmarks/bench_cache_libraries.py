"""The cache engine and three libraries, each in a process of its own, asked the same."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench_cache_goals import KNOWN, LIBRARIES, WORDS, of, own
from benchmarks.drivers.outcome import children_cpu_seconds
from benchmarks.drivers.turn import Reading
from benchmarks.harness import Machine, Subject
from benchmarks.peers.folder import PeerAbsent, Recipe, installed
from benchmarks.peers.others import Place

PINS = ("cashews==7.6.0", "aiocache==0.12.3", "dogpile.cache==1.5.0", "redis==6.4.0", "hiredis==3.5.0")
RECIPE = Recipe(
    "cashews-7.6.0-aiocache-0.12.3-dogpile-1.5.0",
    "python3",
    (
        (sys.executable, "-m", "venv", "{folder}/venv"),
        ("{folder}/venv/bin/python", "-m", "pip", "install", "-q", *PINS, "uvloop==0.23.0"),
    ),
)
THEIRS = Path(__file__).parent / "peers" / "library_caches.py"
OURS = "benchmarks.peers.own_cache"
TURN_SECONDS_MAX = 60.0


class Libraries:
    """``loads`` of one stampede by who it was, the most of any turn; ``notes`` of what is absent."""

    def __init__(self, place: Place, seconds: float) -> None:
        self._port, self._seconds = str(place.store_port), str(seconds)
        self.loads: dict[str, float] = {}
        self.notes: list[str] = []
        self._peers = place.peers

    def subjects(self, *, only_ours: bool = False) -> list[Subject[Reading]]:
        ours = [KNOWN, *map(own, WORDS)]
        made = [
            self._subject(name, "sadd", (sys.executable, "-m", OURS, word))
            for name, word in zip(ours, ("known", *WORDS), strict=True)
        ]
        if only_ours:
            return made
        try:
            python = installed(RECIPE, self._peers) / "venv/bin/python"
        except PeerAbsent as why:
            self.notes.append(f"Not measured: {why}")
            return made
        return made + [
            self._subject(of(word, library), library, (str(python), str(THEIRS), library, word))
            for library in LIBRARIES
            for word in WORDS
        ]

    def _subject(self, name: str, who: str, words: Sequence[str]) -> Subject[Reading]:
        async def turn() -> Reading:
            return self._turn(who, words)

        return Subject(name, turn)

    def _turn(self, who: str, words: Sequence[str]) -> Reading:
        before, machine = children_cpu_seconds(), Machine()
        told = json.loads(_output([*words, self._port, self._seconds]))
        others = machine.others(children_cpu_seconds() - before)
        if words[-1] == "stampede":
            self.loads[who] = max(self.loads.get(who, 0.0), told["calls"])
        cpu_us = told["cpu_seconds"] * 1e6 / max(told["answers"], 1)
        return Reading(rate=told["rate"], client_us=cpu_us, others=others, cpu_us={"generator": cpu_us})


def _output(words: Sequence[str]) -> str:
    """Raises PeerAbsent with its last word when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=TURN_SECONDS_MAX)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise PeerAbsent(f"{' '.join(words)}: {said[-1]}")
    return done.stdout
