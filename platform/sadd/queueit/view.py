"""What a worker knows of the connections: all in memory, replaced at once by the next.

NOTIFY sadd_queueit -> Listener -> refresh
"""

import asyncio
from collections.abc import Mapping

import msgspec
import structlog

from sadd.postgres.pool import Pool
from sadd.queueit import store
from sadd.queueit.connection import Connection

_log = structlog.get_logger("sadd.queueit")


class ConnectionsView:
    """None until the first ``refresh``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._current: Mapping[str, Connection] = {}
        self._refreshing = asyncio.Lock()

    @property
    def current(self) -> Mapping[str, Connection]:
        """By customer."""
        return self._current

    async def refresh(self) -> None:
        """Goes over to the database's state. What this release cannot read leaves the last one."""
        async with self._refreshing:
            try:
                self._current = await store.read(self._pool)
            except msgspec.ValidationError as wrong:
                _log.error("the connections are refused", kept=len(self._current), reason=str(wrong))
