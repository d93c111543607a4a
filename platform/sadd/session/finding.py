"""The session that an id names, under any pepper in force; and what an id says that names none any more."""

from collections import Counter
from typing import NoReturn, TypeVar

import structlog

from sadd.session.ids import Ids, Names
from sadd.session.keeper import Found, Keeper
from sadd.session.refused import ReadOnlySession, SpentSession, UnknownSession
from sadd.session.sharing import Sharing
from sadd.session.store import Moved, VersionConflict

T = TypeVar("T")
_log = structlog.get_logger("sadd.session")


class Finding:
    """Raises UnknownSession, and StoreUnavailable."""

    def __init__(self, ids: Ids, keeper: Keeper, counts: "Counter[str]") -> None:
        self._ids = ids
        self._keeper = keeper
        self._counts = counts

    async def readable(self, agency: str, session_id: str, sharing: Sharing | None, *, use: bool) -> Found:
        """Within the grace of a rotation the session itself, without a use of it."""
        found = await self._look(agency, session_id, use=use)
        while isinstance(found, Moved):
            if not found.graceful:
                self._spent(found)
            tag = self._ids.names(agency, session_id)[0].tag
            found = await self._keeper.find(agency, Names(tag, found.digest), use=False)
        found = self.known(found)
        if sharing is not None and not sharing(found.session.service):
            return self.known(None)
        return found

    async def writable(self, agency: str, session_id: str, version: int | None) -> Found:
        """Never by a rotated id. Raises VersionConflict when another version than ``version`` is there."""
        found = await self._look(agency, session_id, use=False)
        if isinstance(found, Moved):
            if found.graceful:
                raise ReadOnlySession
            self._spent(found)
        found = self.known(found)
        if version is not None and found.session.version != version:
            raise VersionConflict(found.session.version)
        return found

    def known(self, found: T | None) -> T:
        if found is None:
            self._counts["unknown"] += 1
            raise UnknownSession
        return found

    async def _look(self, agency: str, session_id: str, *, use: bool) -> Found | Moved | None:
        for names in self._ids.names(agency, session_id):
            found = await self._keeper.find(agency, names, use=use)
            if found is not None:
                return found
        return None

    def _spent(self, moved: Moved) -> NoReturn:
        """Raises SpentSession. The event is raised once for each id that is shown again."""
        self._counts["unknown"] += 1
        if moved.first:
            self._counts["reused"] += 1
            _log.warning("a session's old id was shown again", session=moved.digest[:8])
        raise SpentSession
