"""Who makes a request: the session behind its cookie, asked for when it is first needed.

What a handler changes is told to the platform at once and in order, so that an error reaches the handler and
not a log. Nothing is created before somebody signs in.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sadd_client.sessions.cookie import Cookie
from sadd_client.sessions.session import ListedSession, Session
from sadd_client.sessions.sessions import AsyncSessions

DEVICE_BYTES_MAX = 120
"""Of a User-Agent, as much as the platform keeps to show it to the person."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows: the values of its ``Cookie`` fields, its User-Agent, its address."""

    cookies: tuple[str, ...]
    device: str = ""
    address: str = ""


class Visitor:
    """Of one request. Every call raises PlatformAway: then middleware answers 503 and the cookie stays."""

    def __init__(self, sessions: AsyncSessions, cookie: Cookie, shown: Shown) -> None:
        self._sessions, self._cookie, self._shown = sessions, cookie, shown
        self._id = cookie.shown_in(shown.cookies)
        self._session: Session | None = None
        self._asked = self._id is None
        self.set_cookie: str | None = None
        """To be put on the answer."""

    async def session(self) -> Session | None:
        """None: nobody is signed in. The first call is a use of the session."""
        if not self._asked and self._id is not None:
            found = await self._sessions.use(self._id)
            if found == "unknown":
                self._forget()
            elif found == "spent":  # a request beside this one brought the browser a newer id
                self._asked = True
            else:
                self._session, self._asked = found, True
        return self._session

    async def sign_in(
        self,
        subject: str,
        data: Mapping[str, Any] | None = None,
        *,
        keep: Iterable[str] = (),
        place: str = "",
    ) -> Session:
        """A session under a new id, whatever was shown; the old one ends, save for its fields in ``keep``."""
        device = self._shown.device.encode("ascii", "replace")[:DEVICE_BYTES_MAX].decode()
        address = self._shown.address
        session, shown = None, await self.session()
        if shown is not None:
            session = await self._sessions.sign_in(
                shown.id, subject, data, keep=keep, device=device, place=place, address=address
            )
        if session is None:
            session = await self._sessions.create(subject, data, device=device, place=place, address=address)
        self._take(session)
        return session

    async def change(self, **fields: Any) -> Session | None:
        """Fields of its data; None removes one. Others' changes of other fields stay. None: it has ended."""
        return await self._changed(lambda one: self._sessions.patch(one.id, fields))

    async def rotate(self) -> Session | None:
        """After a change of rights."""
        return await self._changed(lambda one: self._sessions.rotate(one.id))

    async def step_up(self, level: int, *, seconds: int) -> Session | None:
        """After one more factor."""
        return await self._changed(lambda one: self._sessions.step_up(one.id, level, seconds=seconds))

    async def sign_out(self) -> None:
        if self._id is not None:
            await self._sessions.end(self._id)
        self._forget()

    async def sign_out_elsewhere(self) -> None:
        """All other sessions of this person end, as after a change of password (ASVS 7.4.3)."""
        session = await self.session()
        if session is not None:
            await self._sessions.end_all(session.subject, except_id=session.id)

    async def listed(self) -> list[ListedSession]:
        """The person's sessions, for him to see and to end."""
        session = await self.session()
        return [] if session is None else await self._sessions.listed(session.id) or []

    async def _changed(self, change: Callable[[Session], Awaitable[Session | None]]) -> Session | None:
        session = await self.session()
        if session is None:
            return None
        found = await change(session)
        if found is not None and found.id != session.id:
            self._take(found)
        else:
            # None: ended or rotated just now, and which is not known. The next request's look-up will tell.
            self._session = found
        return found

    def _take(self, session: Session) -> None:
        self._session, self._id, self._asked = session, session.id, True
        self.set_cookie = self._cookie.set(session.id)

    def _forget(self) -> None:
        """What was shown opens nothing, so the browser need not show it again."""
        self._session, self._id, self._asked = None, None, True
        self.set_cookie = self._cookie.drop()
