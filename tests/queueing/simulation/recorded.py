"""Twenty-four runs of twelve kinds, recorded second by second: what a room lives through.

``python -m tests.queueing.simulation.recorded`` plays and records them anew, in two minutes.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from queueing.policy import Room
from queueing.simulation.crowd import Crowd
from queueing.simulation.run import HALTING, Plan, Run
from queueing.simulation.shape import SHAPES
from queueing.simulation.trouble import Trouble

RUNS_PER_KIND = 2
MINUTES = (60.0, 100.0)
WIDE = 1_000_000
FILE = Path(__file__).parent / "recorded.npz"
FIELDS = ("serving", "waiting", "active", "claimed", "allowed", "show_rate", "halted")
TICKS_PER_ROW = 5  # a second


def recorded_runs() -> Iterator[tuple[str, Room, NDArray[np.float64]]]:
    """Kind, room, and a row of FIELDS for each second. ``halted``: 1 paused, 2 nobody led or no store."""
    with np.load(FILE) as runs:
        for name in runs.files:
            kind, outflow, cap, _ = name.split("|")
            rows = np.cumsum(runs[name], axis=0) / 1000
            yield kind, Room("r", int(outflow), int(cap), 120_000, 480_000), rows


def plans(seed: int = 0) -> Iterator[tuple[str, Plan]]:
    for kind in KINDS:
        for run in range(RUNS_PER_KIND):
            yield kind, plan(kind, random.Random(f"{kind} {seed} {run}"))


def plan(kind: str, draw: random.Random) -> Plan:
    """A room that is bounded by its outflow or by its slots, and what happens to it."""
    minutes = draw.uniform(*MINUTES)
    by_slots = kind in BY_SLOTS or (kind == "all of it" and draw.random() < 0.5)
    stay_s, show_rate = draw.uniform(90, 240), draw.uniform(0.65, 0.95)
    cap = draw.choice((30, 60) if kind == "a small room" else (150, 600)) if by_slots else WIDE
    per_minute = cap / stay_s * 60 / show_rate if by_slots else draw.choice((240, 900))
    outflow = round(per_minute * draw.uniform(1.5, 3)) if by_slots else round(per_minute)
    crowd = Crowd(
        count=round(per_minute * minutes * draw.uniform(0.85, 1.15)),
        minutes=minutes,
        points=SHAPES["waves" if kind == "waves" else draw.choice(("opening", "results", "level"))],
        show_rate=show_rate,
        react_s=draw.uniform(4, 20),
        stay_s=stay_s,
    )
    troubles = [trouble(draw, minutes, outflow) for trouble in KINDS[kind]]
    return Plan(Room("r", outflow, cap, 120_000, 480_000), crowd, tuple(troubles), seed=draw.randrange(10**6))


Draws = Callable[[random.Random, float, int], Trouble]


def _pause(draw: random.Random, minutes: float, outflow: int) -> Trouble:
    return Trouble("pause", draw.uniform(5, minutes * 0.9), draw.uniform(0.5, 4))


def _rate(draw: random.Random, minutes: float, outflow: int) -> Trouble:
    return Trouble("outflow", draw.uniform(5, minutes * 0.9), value=max(1, outflow * draw.uniform(0.7, 1.4)))


def _shows(draw: random.Random, minutes: float, outflow: int) -> Trouble:
    return Trouble("shows", draw.uniform(5, minutes * 0.9), value=draw.uniform(0.55, 0.95))


def _origin(draw: random.Random, minutes: float, outflow: int) -> Trouble:
    return Trouble("origin", draw.uniform(5, minutes * 0.9), draw.uniform(0.5, 4), draw.uniform(0.08, 0.4))


def _leader(draw: random.Random, minutes: float, outflow: int) -> Trouble:
    return Trouble("leader", draw.uniform(5, minutes * 0.9), 0.05)


def _store(draw: random.Random, minutes: float, outflow: int) -> Trouble:
    return Trouble("store", draw.uniform(5, minutes * 0.9), draw.uniform(0.1, 1))


KINDS: dict[str, tuple[Draws, ...]] = {
    "calm": (),
    "pauses": (_pause, _pause),
    "rates": (_rate, _rate),
    "slots": (),
    "slots and pauses": (_pause, _pause),
    "slots and shows": (_shows, _shows),
    "slots and rates": (_rate, _rate),
    "an unwell origin": (_origin, _origin),
    "losses": (_leader, _leader, _store, _store),
    "a small room": (_pause,),
    "waves": (_pause, _rate),
    "all of it": (_pause, _rate, _shows, _origin, _leader, _store),
}
BY_SLOTS = {"slots", "slots and pauses", "slots and shows", "slots and rates", "a small room"}


def record(plan: Plan) -> NDArray[np.int64]:
    run, rows = Run(plan), []
    while run.goes_on():
        run.step()
        if run.room.tick % TICKS_PER_ROW == 0:
            halts = run.troubles_on().keys() & HALTING
            rows.append(
                (
                    run.room.serving,
                    run.room.waiting,
                    run.room.active,
                    run.room.claimed,
                    run.room.room.outflow_per_minute * run.factor,
                    round(run.show_rate, 3),
                    2 if halts - {"pause"} else len(halts),
                )
            )
    # In thousandths and as differences: they are small whole numbers, which compress well.
    thousandths = np.rint(np.array(rows, dtype=np.float64) * 1000).astype(np.int64)
    differences: NDArray[np.int64] = np.diff(thousandths, axis=0, prepend=0)
    return differences


if __name__ == "__main__":
    names = ((f"{kind}|{p.room.outflow_per_minute}|{p.room.active_cap}", p) for kind, p in plans())
    np.savez_compressed(FILE, **{f"{name}|{at}": record(p) for at, (name, p) in enumerate(names)})  # type: ignore[arg-type]  # names only
