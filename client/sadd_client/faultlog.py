"""A line in the log for a fault of set-up, not one for each caller who met it."""

import logging

from sadd_client.clock import now
from sadd_client.errors import Problem

LINE_SECONDS = 60.0

_log = logging.getLogger("sadd_client")


class FaultLog:
    """Of one limiter. At most one line a minute."""

    def __init__(self) -> None:
        self._silent_until = 0.0

    def note(self, policy: str, problem: Problem) -> None:
        if now() >= self._silent_until:
            self._silent_until = now() + LINE_SECONDS
            _log.error("limits of %s are not decided by the platform: %s", policy, problem)
