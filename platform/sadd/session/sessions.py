"""Sessions: create, touch, patch, rotate, revoke.

The session says so. When the store is away every call raises StoreUnavailable, which becomes 503: a person
is never taken for anonymous, or for signed in, because we could not look. Whoever is not alive, whose id was
never ours, or is another agency's, is UnknownSession; the answer does not tell which.
"""

from collections import Counter
from collections.abc import Awaitable
from typing import TypeVar

from sadd.session.ids import Ids, Names
from sadd.session.payload import Payload, decoded, encoded, merged
from sadd.session.policy import SessionPolicy
from sadd.session.record import Session, tail
from sadd.session.stats import SessionStats
from sadd.session.store import Store, StoreUnavailable, VersionConflict

T = TypeVar("T")


class UnknownSession(Exception):
    """There is no such living session for this agency."""


class Sessions:
    """All agencies' sessions, on one store. The agency always comes from the caller's key."""

    def __init__(self, store: Store, ids: Ids) -> None:
        self._store = store
        self._ids = ids
        self._counts: Counter[str] = Counter()

    async def create(
        self, agency: str, service: str, subject: str, policy: SessionPolicy, payload: Payload
    ) -> tuple[str, Session]:
        """A new session and its id, which is nowhere else: only its keyed hash is kept.

        Raises ValueError for a subject out of bounds, and PayloadTooLarge.
        """
        session_id = self._ids.new(agency, subject)
        packed = tail(service, subject, encoded(payload))
        session = await self._counting(self._store.create(self._names(agency, session_id), policy, packed))
        self._counts["created"] += 1
        return session_id, session

    async def touch(self, agency: str, session_id: str) -> Session:
        """The session; this is a use of it."""
        found = await self._counting(self._store.touch(self._names(agency, session_id)))
        session, written = self._known(found)
        self._counts["read"] += 1
        self._counts["touched"] += written
        return session

    async def patch(self, agency: str, session_id: str, version: int, changes: Payload) -> Session:
        """Merge fields into the payload of that version; None removes one. Two round trips: read, then set
        if nobody did meanwhile. Raises VersionConflict and PayloadTooLarge."""
        session = await self.touch(agency, session_id)
        try:
            if session.version != version:
                raise VersionConflict(session.version)
            payload = encoded(merged(decoded(session.payload), changes))
            packed = tail(session.service, session.subject, payload)
            names = self._names(agency, session_id)
            updated = self._known(await self._counting(self._store.update(names, version, packed)))
        except VersionConflict:
            self._counts["conflicts"] += 1
            raise
        self._counts["updated"] += 1
        return updated

    async def rotate(self, agency: str, session_id: str) -> tuple[str, Session]:
        """The session under a new id (after sign-in, step-up, a change of rights); the old one is gone."""
        names = self._names(agency, session_id)
        renewed_id = self._ids.renewed(session_id)
        renewed = self._names(agency, renewed_id)
        session = self._known(await self._counting(self._store.rotate(names, renewed)))
        self._counts["rotated"] += 1
        return renewed_id, session

    async def revoke(self, agency: str, session_id: str) -> None:
        """End one. Raises UnknownSession when there is no record of it."""
        if not await self._counting(self._store.revoke(self._names(agency, session_id))):
            self._counts["unknown"] += 1
            raise UnknownSession
        self._counts["revoked"] += 1

    async def revoke_all(self, agency: str, subject: str) -> None:
        """End all of a subject's sessions with this agency, in one write, however many they are."""
        await self._counting(self._store.revoke_all(self._ids.generation(agency, subject)))
        self._counts["revoked_all"] += 1

    def stats(self) -> SessionStats:
        return SessionStats(**{name: self._counts[name] for name in SessionStats.__slots__})

    def _names(self, agency: str, session_id: str) -> Names:
        names = self._ids.names(agency, session_id)
        return self._known(names)

    def _known(self, found: T | None) -> T:
        if found is None:
            self._counts["unknown"] += 1
            raise UnknownSession
        return found

    async def _counting(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except StoreUnavailable:
            self._counts["unavailable"] += 1
            raise
