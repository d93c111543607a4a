"""The platform's calls about sessions. The id goes in a field of its own, never in a path."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from sadd_client.clock import now
from sadd_client.courier import Courier
from sadd_client.errors import Problem
from sadd_client.sessions.session import Gone, ListedSession, Session, listed_of, session_of
from sadd_client.wire import Answer, Request

SERVICE = re.compile(r"[A-Za-z0-9._-]{1,200}")
ID = re.compile(r"[A-Za-z0-9_.~-]{20,200}")
SPENT = "spent-session"
UNKNOWN = frozenset({"unknown-session", SPENT})


class Calls:
    """Of one service. A call about a session that has ended gives None; PlatformAway: nobody can say."""

    def __init__(self, service: str, courier: Courier, prefix: str, deadline_seconds: float) -> None:
        if not SERVICE.fullmatch(service):
            raise ValueError("a service is 1 to 200 letters, digits, . _ and -")
        self.service = service
        self._root = f"{prefix}/v1/sessions"
        self._courier = courier
        self._deadline_seconds = deadline_seconds

    async def create(self, subject: str, data: Mapping[str, Any], about: Mapping[str, Any]) -> Session:
        """Not repeated when the answer is lost: a second one would be nobody's."""
        said = {name: value for name, value in about.items() if value}
        body = {"service": self.service, "subject": subject, "data": data, **said}
        return session_of(await self._ask("POST", "", body=body, repeatable=False))

    async def sign_in(
        self,
        session_id: str,
        subject: str,
        data: Mapping[str, Any],
        keep: Iterable[str],
        about: Mapping[str, Any],
    ) -> Session | None:
        said = {name: value for name, value in about.items() if value}
        body = {"service": self.service, "subject": subject, "data": data, "keep": [*keep], **said}
        return await self._about("POST", "/current/sign-in", session_id, body, repeatable=False)

    async def read(self, session_id: str) -> Session | None:
        return await self._about("GET", "/current", session_id)

    async def use(self, session_id: str) -> Session | Gone:
        """A touch that says why there is none."""
        if not ID.fullmatch(session_id):  # none of ours, so nobody need be asked
            return "unknown"
        try:
            answer = await self._ask("POST", "/current/touch", session_id)
        except Problem as problem:
            if problem.details.slug in UNKNOWN:
                return "spent" if problem.details.slug == SPENT else "unknown"
            raise
        return session_of(answer, session_id)

    async def touch(self, session_id: str) -> Session | None:
        return await self._about("POST", "/current/touch", session_id)

    async def patch(self, session_id: str, changes: Mapping[str, Any], version: int | None) -> Session | None:
        body = {"data": changes} if version is None else {"data": changes, "version": version}
        # Without a version it may be repeated: the same fields get the same values.
        return await self._about("PATCH", "/current", session_id, body, repeatable=version is None)

    async def replace(self, session_id: str, data: Mapping[str, Any], version: int) -> Session | None:
        body = {"data": data, "version": version}
        return await self._about("PUT", "/current", session_id, body, repeatable=False)

    async def rotate(self, session_id: str, keep: Iterable[str] | None) -> Session | None:
        body = {} if keep is None else {"keep": [*keep]}
        return await self._about("POST", "/current/rotate", session_id, body, repeatable=False)

    async def step_up(self, session_id: str, level: int, seconds: int) -> Session | None:
        body = {"level": level, "seconds": seconds}
        return await self._about("POST", "/current/step-up", session_id, body, repeatable=False)

    async def end(self, session_id: str) -> None:
        """Also of one that has ended."""
        if ID.fullmatch(session_id):
            await self._unless_unknown(self._ask("DELETE", "/current", session_id))

    async def end_one(self, ref: str) -> bool:
        """False: there was none."""
        ended = self._ask("DELETE", f"/{quote(ref, safe='')}")
        return await self._unless_unknown(ended) is not None

    async def end_all(self, subject: str, except_id: str | None) -> None:
        await self._ask("POST", "/revoke-all", except_id, {"subject": subject, **_kept(except_id)})

    async def listed(self, session_id: str) -> list[ListedSession] | None:
        if not ID.fullmatch(session_id):
            return None
        answer = await self._unless_unknown(self._ask("GET", "", session_id))
        return None if answer is None else listed_of(answer)

    async def _about(
        self,
        method: str,
        path: str,
        session_id: str,
        body: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> Session | None:
        if not ID.fullmatch(session_id):  # none of ours, so nobody need be asked
            return None
        answer = await self._unless_unknown(self._ask(method, path, session_id, body, repeatable=repeatable))
        return None if answer is None else session_of(answer, session_id)

    async def _unless_unknown(self, asked: Any) -> Answer | None:
        try:
            answer: Answer = await asked
        except Problem as problem:
            if problem.details.slug in UNKNOWN:
                return None
            raise
        return answer

    async def _ask(
        self,
        method: str,
        path: str,
        session_id: str | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> Answer:
        encoded = json.dumps(body, separators=(",", ":")).encode() if body else b""
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if session_id is not None:
            headers = ((b"Sadd-Session", session_id.encode()), (b"Sadd-Service", self.service.encode()))
        request = Request(method, self._root + path, encoded, self.service, repeatable, headers)
        return await self._courier.answer(request, now() + self._deadline_seconds)


def _kept(except_id: str | None) -> dict[str, bool]:
    return {} if except_id is None else {"keep_current": True}
