"""What the scripts tell everybody: this was purged, put or filled; ask again who waits for it.

``<kind> <number> <stamp> <tenant:namespace> <name>``, the name being a key, a tag or nothing. Numbers follow
on each other in a namespace, so that a gap shows.
"""

from dataclasses import dataclass

CHANNEL = "cache:feed"

FILLED, PUT, KEY, TAG, EVERYTHING, RELEASED = "f", "p", "k", "t", "n", "r"


@dataclass(frozen=True, slots=True)
class Notice:
    kind: str
    number: int
    stamp: int
    space: str
    """``tenant:namespace``."""
    name: str

    @property
    def about_key(self) -> bool:
        return self.kind in "fpkr"

    @classmethod
    def parsed(cls, said: bytes) -> "Notice":
        """Raises ValueError for what is no notice."""
        kind, number, stamp, space, name = said.decode().split(" ", 4)
        return cls(kind, int(number), int(stamp), space, name)
