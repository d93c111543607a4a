"""A new session, where there is room for one more: of its subject, and of the network that asks."""

from dataclasses import replace

from sadd.session.ids import Ids, Names
from sadd.session.keeper import Found, Keeper
from sadd.session.policy import SessionPolicy
from sadd.session.record import Body
from sadd.session.refused import TooManySessions
from sadd.session.store import Full, Store

ATTEMPTS_MAX = 3
"""Between ending the oldest and beginning anew somebody else may take the room."""


class Beginning:
    """Raises TooManySessions and StoreUnavailable."""

    def __init__(self, store: Store, ids: Ids, keeper: Keeper) -> None:
        self._store = store
        self._ids = ids
        self._keeper = keeper

    async def begin(self, agency: str, service: str, policy: SessionPolicy, body: Body) -> tuple[str, Found]:
        """The id and the session. Where the class says so the oldest of the subject gives way."""
        policy = await self._beside_older(agency, body.subject, policy)
        for _ in range(ATTEMPTS_MAX):
            session_id = self._ids.new(agency, body.subject)
            names = self._ids.names(agency, session_id)[0]
            begun = await self._keeper.begin(agency, service, names, policy, body)
            if isinstance(begun, Found):
                return session_id, begun
            if policy.when_full == "refuse":
                break
            for digest in begun.oldest:
                await self._end_oldest(agency, Names(names.tag, digest))
        assert isinstance(begun, Full)
        raise TooManySessions(begun.retry_after_ms)

    async def charge(self, agency: str, policy: SessionPolicy, network: str) -> None:
        """Counts it for the network; one that nobody knows has no quota."""
        if policy.network_max and network:
            key = self._ids.network(agency, network)
            wait_ms = await self._store.charge(key, policy.network_max, policy.absolute_ms)
            if wait_ms:
                raise TooManySessions(wait_ms)

    async def _end_oldest(self, agency: str, names: Names) -> None:
        found = await self._keeper.find(agency, names, use=False)
        if isinstance(found, Found):
            await self._keeper.end(agency, names, found.session, "too-many")
        elif found is None:
            await self._store.end(names)  # it cannot be opened, or has just ended

    async def _beside_older(self, agency: str, subject: str, policy: SessionPolicy) -> SessionPolicy:
        """While a pepper rotates, sessions under the older ones count as well; they are the oldest."""
        older = [
            one
            for tag in self._ids.tags(agency, subject)[1:]
            for one in await self._keeper.all_of(agency, tag)
        ]
        if policy.when_full == "refuse" and len(older) >= policy.parallel_max:
            raise TooManySessions(min(one.session.expires_in_ms for one in older))
        while len(older) >= policy.parallel_max:
            one = older.pop(0)
            await self._keeper.end(agency, one.names, one.session, "too-many")
        return replace(policy, parallel_max=policy.parallel_max - len(older)) if older else policy
