"""All providers in memory: who calls the endpoint of a provider is not known yet, and must cost little."""

from collections.abc import Mapping

from sadd.logout import providers
from sadd.logout.providers import Provider
from sadd.postgres.pool import Pool

CHANNEL = "sadd_logout_providers"
"""Notified by the table's own trigger."""


class ProvidersView:
    """One state, swapped as a whole."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.current: Mapping[str, Provider] = {}

    async def refresh(self) -> None:
        """After a change. Raises DatabaseAway."""
        self.current = {one.id: one for one in await providers.all_of(self._pool, None)}
