"""A room's settings."""

from dataclasses import dataclass
from typing import Literal

OUTFLOW_PER_MINUTE_MAX = 1_000_000
ACTIVE_CAP_MAX = 10_000_000
WINDOW_MS_MIN, WINDOW_MS_MAX = 1_000, 24 * 3600 * 1000
STOCK_MAX = 1_000_000_000
LANES_MAX = 16
ID_BYTES_MAX = 200
LANE_BYTES_MAX = 40

Method = Literal["fifo", "lottery", "passthrough", "closed"]
METHODS: tuple[Method, ...] = ("fifo", "lottery", "passthrough", "closed")


@dataclass(frozen=True, slots=True)
class Lane:
    """A line of its own beside the open one: ``share`` of the outflow is its own while somebody waits there.

    What a lane does not use goes to the others. One that is taken out of the settings is called no more: let
    it drain first. Raises ValueError for settings out of bounds.
    """

    id: str
    share: float

    def __post_init__(self) -> None:
        if not self.id or len(self.id.encode()) > LANE_BYTES_MAX or {"{", "}", ":"} & set(self.id):
            raise ValueError(f"lane id {self.id!r} is empty, too long, or has a brace or a colon")
        if not 0 < self.share < 1:
            raise ValueError(f"lane {self.id}: share is {self.share}, not between 0 and 1")


@dataclass(frozen=True, slots=True)
class Room:
    """How a room lets its crowd in. Raises ValueError for settings out of bounds.

    ``outflow_per_minute`` visitors are called a minute at most, and never are more than ``active_cap`` inside
    at once. Whoever is called has ``claim_window_ms`` to claim; the pass then lasts ``pass_ms``, and for as
    long its holder counts as active, unless he leaves.
    """

    id: str
    outflow_per_minute: int
    active_cap: int
    claim_window_ms: int
    pass_ms: int
    method: Method = "fifo"
    """lottery: drawn at the start of an event, who comes later is first in, first out; passthrough: at once,
    up to the cap; closed: no numbers are given out, those who have one keep it."""
    pass_cap_ms: int = 0
    """A pass may be renewed until so long after its claim; 0 = ``pass_ms``, that is: not at all."""
    reentry_grace_ms: int = 0
    """For so long after his pass or his session ended a visitor may come back in without waiting anew."""
    stock: int | None = None
    """How many can be served at all, since the room began; None is no bound."""
    second_chance: bool = True
    """Who missed the window and comes back keeps his number and is called again in the next step, once."""
    lanes: tuple[Lane, ...] = ()
    """Besides the open one, "", whose share is what they leave."""
    suspended: bool = False
    """Paused by an operator: nobody is called, and nobody's window passes."""

    def __post_init__(self) -> None:
        if not self.id or len(self.id.encode()) > ID_BYTES_MAX or {"{", "}"} & set(self.id):
            raise ValueError(f"room id {self.id!r} is empty, too long, or has a brace")
        self._check("outflow_per_minute", self.outflow_per_minute, 1, OUTFLOW_PER_MINUTE_MAX)
        self._check("active_cap", self.active_cap, 1, ACTIVE_CAP_MAX)
        self._check("claim_window_ms", self.claim_window_ms, WINDOW_MS_MIN, WINDOW_MS_MAX)
        self._check("pass_ms", self.pass_ms, WINDOW_MS_MIN, WINDOW_MS_MAX)
        self._check("reentry_grace_ms", self.reentry_grace_ms, 0, WINDOW_MS_MAX)
        if self.pass_cap_ms:
            self._check("pass_cap_ms", self.pass_cap_ms, self.pass_ms, WINDOW_MS_MAX)
        if self.stock is not None:
            self._check("stock", self.stock, 0, STOCK_MAX)
        if self.method not in METHODS:
            raise ValueError(f"room {self.id}: method is {self.method!r}, not one of {', '.join(METHODS)}")
        self._check_lanes()

    def _check_lanes(self) -> None:
        if len(self.lanes) > LANES_MAX or len({lane.id for lane in self.lanes}) < len(self.lanes):
            raise ValueError(f"room {self.id}: more than {LANES_MAX} lanes, or two of one id")
        if sum(lane.share for lane in self.lanes) >= 1:
            raise ValueError(f"room {self.id}: the shares of its lanes leave nothing for the open one")

    def _check(self, name: str, value: int, least: int, most: int) -> None:
        if not least <= value <= most:
            raise ValueError(f"room {self.id}: {name} is {value}, not {least}..{most}")

    @property
    def shares(self) -> dict[str, float]:
        """Each lane's share of the outflow, the open one's ("") included."""
        named = {lane.id: lane.share for lane in self.lanes}
        return {"": 1 - sum(named.values()), **named}
