"""The sessions of a service, for one event loop and for threads; from ``client.sessions(service)``.

None is the answer for a session that has ended, was never one, or is another agency's. PlatformAway means
that nobody knows: keep the cookie, answer 503, and never take the person for signed out.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sadd_client.ports import complete
from sadd_client.sessions.calls import Calls
from sadd_client.sessions.session import Gone, ListedSession, Session


class AsyncSessions:
    """Every call raises PlatformAway, or Problem for a fault of the call or its key."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def create(
        self,
        subject: str,
        data: Mapping[str, Any] | None = None,
        *,
        device: str = "",
        place: str = "",
        address: str = "",
    ) -> Session:
        """After a person has signed in. ``device`` and ``place`` are what he will know it by in his list.

        Raises TooManySessions; ``address`` is the visitor's, where the class has a quota for networks.
        """
        about = {"device": device, "place": place, "address": address}
        return await self._calls.create(subject, data or {}, about)

    async def sign_in(
        self,
        session_id: str,
        subject: str,
        data: Mapping[str, Any] | None = None,
        *,
        keep: Iterable[str] = (),
        device: str = "",
        place: str = "",
        address: str = "",
    ) -> Session | None:
        """In the place of the one that was shown, which ends; of its data what ``keep`` names goes along."""
        about = {"device": device, "place": place, "address": address}
        return await self._calls.sign_in(session_id, subject, data or {}, keep, about)

    async def read(self, session_id: str) -> Session | None:
        """This is no use of it: its idle time goes on."""
        return await self._calls.read(session_id)

    async def touch(self, session_id: str) -> Session | None:
        """This is a use: its idle time begins anew."""
        return await self._calls.touch(session_id)

    async def use(self, session_id: str) -> Session | Gone:
        """A touch that says why there is none: after ``spent`` the browser's cookie must stay."""
        return await self._calls.use(session_id)

    async def patch(
        self, session_id: str, changes: Mapping[str, Any], *, version: int | None = None
    ) -> Session | None:
        """Fields replace, None removes. Without ``version`` the platform merges; VersionConflict."""
        return await self._calls.patch(session_id, changes, version)

    async def replace(self, session_id: str, data: Mapping[str, Any], *, version: int) -> Session | None:
        """All of it, if it still is that version. VersionConflict."""
        return await self._calls.replace(session_id, data, version)

    async def rotate(self, session_id: str, *, keep: Iterable[str] | None = None) -> Session | None:
        """A new id; the old one opens nothing any more. ``keep``: only these fields go along."""
        return await self._calls.rotate(session_id, keep)

    async def step_up(self, session_id: str, level: int, *, seconds: int) -> Session | None:
        """After one more factor: a higher level for so long, under a new id."""
        return await self._calls.step_up(session_id, level, seconds)

    async def end(self, session_id: str) -> None:
        """Sign out. Also of one that has ended."""
        await self._calls.end(session_id)

    async def end_one(self, ref: str) -> bool:
        """Of a list, by its ``ref``. False: there was none."""
        return await self._calls.end_one(ref)

    async def end_all(self, subject: str, *, except_id: str | None = None) -> None:
        """All of a subject with your agency, however many."""
        await self._calls.end_all(subject, except_id)

    async def listed(self, session_id: str) -> list[ListedSession] | None:
        """All sessions of whoever this is."""
        return await self._calls.listed(session_id)


class Sessions:
    """In all like ``AsyncSessions``; for any number of threads."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create(
        self,
        subject: str,
        data: Mapping[str, Any] | None = None,
        *,
        device: str = "",
        place: str = "",
        address: str = "",
    ) -> Session:
        """After a person has signed in. ``device`` and ``place`` are what he will know it by in his list.

        Raises TooManySessions; ``address`` is the visitor's, where the class has a quota for networks.
        """
        about = {"device": device, "place": place, "address": address}
        return complete(self._calls.create(subject, data or {}, about))

    def sign_in(
        self,
        session_id: str,
        subject: str,
        data: Mapping[str, Any] | None = None,
        *,
        keep: Iterable[str] = (),
        device: str = "",
        place: str = "",
        address: str = "",
    ) -> Session | None:
        """In the place of the one that was shown, which ends; of its data what ``keep`` names goes along."""
        about = {"device": device, "place": place, "address": address}
        return complete(self._calls.sign_in(session_id, subject, data or {}, keep, about))

    def read(self, session_id: str) -> Session | None:
        """This is no use of it: its idle time goes on."""
        return complete(self._calls.read(session_id))

    def touch(self, session_id: str) -> Session | None:
        """This is a use: its idle time begins anew."""
        return complete(self._calls.touch(session_id))

    def use(self, session_id: str) -> Session | Gone:
        """A touch that says why there is none: after ``spent`` the browser's cookie must stay."""
        return complete(self._calls.use(session_id))

    def patch(
        self, session_id: str, changes: Mapping[str, Any], *, version: int | None = None
    ) -> Session | None:
        """Fields replace, None removes. Without ``version`` the platform merges; VersionConflict."""
        return complete(self._calls.patch(session_id, changes, version))

    def replace(self, session_id: str, data: Mapping[str, Any], *, version: int) -> Session | None:
        """All of it, if it still is that version. VersionConflict."""
        return complete(self._calls.replace(session_id, data, version))

    def rotate(self, session_id: str, *, keep: Iterable[str] | None = None) -> Session | None:
        """A new id; the old one opens nothing any more. ``keep``: only these fields go along."""
        return complete(self._calls.rotate(session_id, keep))

    def step_up(self, session_id: str, level: int, *, seconds: int) -> Session | None:
        """After one more factor: a higher level for so long, under a new id."""
        return complete(self._calls.step_up(session_id, level, seconds))

    def end(self, session_id: str) -> None:
        """Sign out. Also of one that has ended."""
        complete(self._calls.end(session_id))

    def end_one(self, ref: str) -> bool:
        """Of a list, by its ``ref``. False: there was none."""
        return complete(self._calls.end_one(ref))

    def end_all(self, subject: str, *, except_id: str | None = None) -> None:
        """All of a subject with your agency, however many."""
        complete(self._calls.end_all(subject, except_id))

    def listed(self, session_id: str) -> list[ListedSession] | None:
        """All sessions of whoever this is."""
        return complete(self._calls.listed(session_id))
