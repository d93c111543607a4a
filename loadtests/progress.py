"""One line a second of how a run goes, for whoever shows it while it lasts."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadtests.tally import Tally


@dataclass(frozen=True, slots=True)
class Progress:
    """The crowd so far. ``at_seconds`` is from second 0; ``loading`` are those with a page still to come."""

    at_seconds: float = 0.0
    arrived: int = 0
    served_well: int = 0
    served_late: int = 0
    waiting: int = 0
    loading: int = 0
    refused: int = 0
    failed: int = 0


def line_of(tally: Tally, now: float) -> dict[str, Any]:
    return asdict(
        Progress(
            at_seconds=round(max(0.0, now - tally.clock), 1) if tally.clock else 0.0,
            arrived=tally.offered,
            served_well=tally.count("served_well"),
            served_late=tally.count("served_late"),
            waiting=tally.in_line,
            loading=max(0, tally.open - tally.in_line),
            refused=tally.count("refused"),
            failed=tally.count("failed", "unfinished"),
        )
    )


def latest(path: Path) -> Progress:
    """The last whole line of a progress file; nothing has happened when there is none yet."""
    try:
        lines = path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
    except FileNotFoundError:
        return Progress()
    return Progress(**json.loads(lines[-1])) if lines else Progress()
