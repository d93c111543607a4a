"""What a worker is told when it starts. A module of its own: the supervising process loads no HTTP."""

from dataclasses import dataclass

from sadd.settings import Settings


@dataclass(frozen=True, slots=True)
class Orders:
    """Which place of the crew the worker takes, and the settings with every address filled in."""

    slot: int
    settings: Settings
