"""A store that answers, but with an error: a defect of the script or of what lies at a key, not an outage.

It is decided as without the store, so that nobody waits on a defect. Then nobody would see it either: hence
each is counted, and told in the log within a bound.
"""

import logging
from collections.abc import Callable

from ratelimit.store import StoreFaulty, StoreUnavailable

SAY_EACH_US = 10_000_000
"""A defect makes as many failures as there are requests, all alike: one line in so long says it."""
WORDS_MAX = 200

_log = logging.getLogger("ratelimit")


class Faults:
    """``count`` is of checks that were decided so."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._say_at = now_us()
        self._unsaid = 0
        self.count = 0

    def note(self, gone: StoreUnavailable, checks: int = 1) -> None:
        if not isinstance(gone, StoreFaulty):
            return
        self.count += checks
        self._unsaid += checks
        now = self._now_us()
        if now < self._say_at:
            return
        _log.error(
            "the store answers with an error, so %d checks were decided without it: %s",
            self._unsaid,
            str(gone)[:WORDS_MAX],
        )
        self._unsaid = 0
        self._say_at = now + SAY_EACH_US
