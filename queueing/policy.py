"""A room's settings."""

from dataclasses import dataclass

OUTFLOW_PER_MINUTE_MAX = 1_000_000
ACTIVE_CAP_MAX = 10_000_000
WINDOW_MS_MIN, WINDOW_MS_MAX = 1_000, 24 * 3600 * 1000
ID_BYTES_MAX = 200


@dataclass(frozen=True, slots=True)
class Room:
    """How a room lets its crowd in. Raises ValueError for settings out of bounds.

    ``outflow_per_minute`` visitors are called a minute at most, never so many that called and active ones
    together pass ``active_cap``. Whoever is called has ``claim_window_ms`` to claim; the pass then lasts
    ``pass_ms``, and for as long its holder counts as active, unless he leaves.
    """

    id: str
    outflow_per_minute: int
    active_cap: int
    claim_window_ms: int
    pass_ms: int

    def __post_init__(self) -> None:
        if not self.id or len(self.id.encode()) > ID_BYTES_MAX or {"{", "}"} & set(self.id):
            raise ValueError(f"room id {self.id!r} is empty, too long, or has a brace")
        self._check("outflow_per_minute", self.outflow_per_minute, 1, OUTFLOW_PER_MINUTE_MAX)
        self._check("active_cap", self.active_cap, 1, ACTIVE_CAP_MAX)
        self._check("claim_window_ms", self.claim_window_ms, WINDOW_MS_MIN, WINDOW_MS_MAX)
        self._check("pass_ms", self.pass_ms, WINDOW_MS_MIN, WINDOW_MS_MAX)

    def _check(self, name: str, value: int, least: int, most: int) -> None:
        if not least <= value <= most:
            raise ValueError(f"room {self.id}: {name} is {value}, not {least}..{most}")
