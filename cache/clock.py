"""The store's clock, as this process knows it. Entries live by it and by no other."""

import time
from collections.abc import Callable


class StoreClock:
    """Follows the last time that the store told, ahead of it by the way there: nothing is served too long.

    Until the store has told any, it is this machine's own.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self.ahead_ms = time.time() * 1000 - monotonic() * 1000
        """Of this machine's monotonic clock."""

    def told(self, store_ms: int, asked_at: float) -> None:
        """The store answered ``store_ms`` to what was sent at ``asked_at`` (monotonic seconds)."""
        self.ahead_ms = store_ms - asked_at * 1000

    def now_ms(self) -> int:
        return int(self.monotonic() * 1000 + self.ahead_ms)
