"""A scenario as values: the crowd, the origin it meets, and how many come for a given scale."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from loadtests.arrivals import RateCurve, Shape, curve, read_shape

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True)
class OriginFigures:
    """The ministry's service: ``workers`` at once, ``service_ms`` mean work for a page."""

    workers: int
    service_ms: float
    spread: float
    static_share: float
    overload_loss: float

    @property
    def capacity(self) -> float:
        """Pages a second."""
        return self.workers / (self.service_ms / 1000)


@dataclass(frozen=True, slots=True)
class CitizenFigures:
    """How people behave: seconds, and shares of the crowd between 0 and 1."""

    patience_seconds: float
    well_ms: float
    second_tries: int
    read_seconds: float
    same_candidate: float
    reload_once: float
    scripts: float
    script_reloads: int

    @property
    def pages(self) -> float:
        """Expected pages of a citizen whom nothing hinders: sign-in, the result, reloads of it."""
        return 2 + self.reload_once + self.scripts * self.script_reloads


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is played; ``folder`` also holds ``objectives.toml``."""

    name: str
    title: str
    about: str
    service: str
    agency: str
    arrive_seconds: float
    drain_seconds: float
    seed: int
    origin: OriginFigures
    citizen: CitizenFigures
    shape: Shape
    folder: Path
    scale: float = 4.0
    """The peak's demand for pages in multiples of the origin's capacity."""

    @property
    def run_seconds(self) -> float:
        """The longest that a run may take."""
        return self.arrive_seconds + self.drain_seconds

    @property
    def work_per_citizen(self) -> float:
        """Pages' worth of work at the origin for one citizen, the announcement included."""
        return self.citizen.pages + self.origin.static_share

    @property
    def peak_citizens_per_second(self) -> float:
        return self.scale * self.origin.capacity / self.work_per_citizen

    @property
    def total(self) -> int:
        """How many citizens come."""
        return max(1, round(self.peak_citizens_per_second * self.arrive_seconds / self.shape.peak_to_mean))

    def rate(self) -> RateCurve:
        return curve(self.shape, self.total, self.arrive_seconds)

    def figures(self) -> dict[str, Any]:
        """For the report."""
        return {
            "scale": self.scale,
            "seed": self.seed,
            "citizens": self.total,
            "arrive_seconds": self.arrive_seconds,
            "drain_seconds": self.drain_seconds,
            "capacity": self.origin.capacity,
            "origin": asdict(self.origin),
            "citizen": asdict(self.citizen),
        }


def names() -> list[str]:
    """Names of the scenarios that are shipped, as the command line spells them."""
    return sorted(path.parent.name.replace("_", "-") for path in SCENARIOS.glob("*/scenario.toml"))


def load(name: str, **changes: Any) -> Scenario:
    """The scenario of that name; LookupError names the known ones. ``changes`` replace fields."""
    folder = SCENARIOS / name.replace("-", "_")
    if name not in names():
        raise LookupError(f"no scenario {name!r}; there is: {', '.join(names())}")
    raw = tomllib.loads((folder / "scenario.toml").read_text(encoding="utf-8"))
    return replace(
        _scenario(raw, folder), **{key: value for key, value in changes.items() if value is not None}
    )


def _scenario(raw: Mapping[str, Any], folder: Path) -> Scenario:
    own = {key: value for key, value in raw.items() if key not in ("origin", "citizen")}
    return Scenario(
        **own,
        origin=OriginFigures(**raw["origin"]),
        citizen=CitizenFigures(**raw["citizen"]),
        shape=read_shape(folder / "shape.toml"),
        folder=folder,
    )
