"""A line in the log for a fault of set-up, not one for each caller who met it."""

import logging

from sadd_client.clock import now
from sadd_client.errors import Problem

LINE_SECONDS = 60.0

_log = logging.getLogger("sadd_client")


class FaultLog:
    """At most one line a minute. ``said`` is what is wrong, with %s for the name of what it is about."""

    def __init__(self, said: str) -> None:
        self._said = said
        self._silent_until = 0.0

    def note(self, name: str, problem: Problem) -> None:
        if now() >= self._silent_until:
            self._silent_until = now() + LINE_SECONDS
            _log.error("%s: %s", self._said % name, problem)
