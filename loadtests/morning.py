"""A results morning, played twice: bare, then behind Sadd.

The same crowd and the same origin, which is restarted between the two.
"""

from dataclasses import dataclass
from pathlib import Path

from loadtests import rehearsal
from loadtests.processes import Stage
from loadtests.rehearsal import Run
from loadtests.scenario import Scenario
from loadtests.show import Show

BARE, PROTECTED = "bare", "protected"


@dataclass(frozen=True, slots=True)
class Sadd:
    """A platform that runs: its URL, and a file with a key of the scenario's agency."""

    url: str
    key_file: Path


@dataclass(frozen=True, slots=True)
class Played:
    """Both runs, and where the protected service still stands."""

    runs: tuple[Run, Run]
    portal: str
    origin: str


def play_twice(stage: Stage, scenario: Scenario, sadd: Sadd, out: Path, workers: int, show: Show) -> Played:
    """Leaves the second origin and the portal running on ``stage``, for whoever wants to look."""
    bare_origin, origin = rehearsal.start_origin(stage, scenario)
    with show.watching("Bare: the crowd meets the ministry's service"):
        bare = rehearsal.play(stage, scenario, BARE, origin, origin, out, workers, show.watch)
    stage.stop(bare_origin)
    _, origin = rehearsal.start_origin(stage, scenario)
    _, portal = rehearsal.start_portal(stage, scenario, origin, sadd.url, sadd.key_file)
    with show.watching("Protected: the same crowd, the same service, behind Sadd"):
        protected = rehearsal.play(stage, scenario, PROTECTED, portal, origin, out, workers, show.watch)
    return Played((bare, protected), portal, origin)


def play_target(stage: Stage, scenario: Scenario, target: str, out: Path, workers: int, show: Show) -> Run:
    """The crowd against a service that is not ours: what it saw is judged, its inside is not known."""
    with show.watching(f"The crowd meets {target}"):
        return rehearsal.play(stage, scenario, "target", target, None, out, workers, show.watch)
