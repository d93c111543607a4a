"""Who comes: each citizen's traits, drawn from the seed and the citizen's own number.

A citizen is the same person whichever process plays them and whatever they meet, so that two runs
with one seed see the same crowd.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from loadtests.scenario import CitizenFigures

FIRST_CANDIDATE = 200_000


@dataclass(frozen=True, slots=True)
class Citizen:
    """One person on the results morning."""

    number: int
    candidate: str
    """Whose result they want; families ask for the same one."""
    reloads: int
    reload_pause_seconds: float
    readings: tuple[float, ...]
    """Seconds between one page and the next."""


def citizen(figures: CitizenFigures, seed: int, number: int) -> Citizen:
    draw = random.Random(f"{seed}:citizen:{number}")
    script = draw.random() < figures.scripts
    reloads_once = draw.random() < figures.reload_once / max(1e-9, 1 - figures.scripts)
    return Citizen(
        number=number,
        candidate=str(FIRST_CANDIDATE + _asked_for(figures, seed, number)),
        reloads=figures.script_reloads if script else int(reloads_once),
        reload_pause_seconds=0.05 if script else draw.uniform(1, 3) * figures.read_seconds,
        readings=tuple(draw.uniform(0.5, 1.5) * figures.read_seconds for _ in range(3)),
    )


def _asked_for(figures: CitizenFigures, seed: int, number: int) -> int:
    """Their own child, or the one that somebody before them asked for."""
    draw = random.Random(f"{seed}:candidate:{number}")
    while number > 0 and draw.random() < figures.same_candidate:
        number = draw.randrange(number)
        draw = random.Random(f"{seed}:candidate:{number}")
    return number


def pauses(of: Citizen) -> Iterator[float]:
    """Reading times in order; the last one again for whoever needs more."""
    yield from of.readings
    while True:
        yield of.readings[-1]
