"""What the session service asks of a store: each operation one round trip, decided on the store's clock."""

from typing import Protocol

from sadd.session.ids import Names
from sadd.session.policy import SessionPolicy
from sadd.session.record import Session


class StoreUnavailable(Exception):
    """The store did not answer in time or at all. Nobody knows whether the session lives: say so, with 503.

    It must never be taken for "not signed in".
    """


class VersionConflict(Exception):
    """Somebody else updated the session first; ``version`` is what it has now."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the session is at version {version}")
        self.version = version


class Store(Protocol):
    """``now_ms`` replaces the store's clock (tests). None is returned for a session that is not alive.

    Each raises StoreUnavailable, and may be repeated without harm.
    """

    async def create(
        self, names: Names, policy: SessionPolicy, tail: bytes, now_ms: int | None = None
    ) -> Session:
        """A new session at version 1, under its subject's present generation."""

    async def touch(self, names: Names, now_ms: int | None = None) -> tuple[Session, bool] | None:
        """The session, and whether this use was written."""

    async def update(
        self, names: Names, version: int, tail: bytes, now_ms: int | None = None
    ) -> Session | None:
        """Replace the payload. Raises VersionConflict when ``version`` is not the present one."""

    async def rotate(self, names: Names, renewed: Names, now_ms: int | None = None) -> Session | None:
        """The session under a new id; the old one is gone in the same moment."""

    async def revoke(self, names: Names) -> bool:
        """End one; True if there was a record of it."""

    async def revoke_all(self, generation: bytes) -> None:
        """End all of a subject, by raising its generation."""
