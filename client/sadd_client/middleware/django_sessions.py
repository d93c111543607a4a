"""Django's sessions, kept by the platform.

::

    # portal/sessions.py
    class SessionStore(django_sessions.SessionStore):
        sessions = client.sessions("portal")

    # settings.py
    SESSION_ENGINE = "portal.sessions"
    MIDDLEWARE = ["sadd_client.middleware.django_sessions.SessionMiddleware", ...]  # instead of Django's own

What a request changed goes as these fields alone, and the platform merges: requests side by side lose nothing
of one another, and none brings back a session that was ended meanwhile.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import (
    SessionBase,
    UpdateError,
)
from django.contrib.sessions.middleware import (
    SessionMiddleware as DjangoSessionMiddleware,
)
from django.http import HttpResponse
from django.utils.cache import patch_vary_headers

from sadd_client.errors import PlatformAway
from sadd_client.middleware.refusal import away_refusal
from sadd_client.sessions.session import Session
from sadd_client.sessions.sessions import Sessions

NONE = {"sadd": None}
"""How None stands in a session: null would remove the field."""


class SessionStore(SessionBase):  # type: ignore[misc]  # Django has no types
    """Subclass it with ``sessions``. ``subject`` says whose a session is."""

    sessions: ClassVar[Sessions]
    _session_key: str | None

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._told: dict[str, str] = {}
        """Each field as the platform has it, in JSON."""
        self._told_subject = ""
        self.is_spent = False
        """What was shown was rotated by a request beside this one: the browser's newer id stays."""

    def subject(self, data: Mapping[str, Any]) -> str | None:
        """Whose session it is, in your agency's terms. None: nobody has signed in."""
        found = data.get(SESSION_KEY)
        return None if found is None else str(found)

    def load(self) -> dict[str, Any]:
        """Empty, and without a key, if it has ended: an id from outside is never made one of ours."""
        session = self.sessions.use(self.session_key) if self.session_key else "unknown"
        if session == "unknown" or session == "spent":
            self._session_key, self.is_spent = None, session == "spent"
            return {}
        self._note(session)
        return {name: _out_of(value) for name, value in session.data.items()}

    def exists(self, session_key: str) -> bool:
        return self.sessions.read(session_key) is not None

    def create(self) -> None:
        """One of its own at once, as Django promises."""
        self._session_key = None
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """UpdateError if it has ended meanwhile, or if it would put a nobody's in the place of a newer id."""
        data: dict[str, Any] = self._get_session(no_load=must_create)
        subject = self.subject(data)
        if self.is_spent and subject is None and not must_create:
            raise UpdateError
        if must_create or self.session_key is None:
            self._begin(data, subject)
        elif subject is not None and subject != self._told_subject:
            before = self.session_key
            self._begin(data, subject)
            self.sessions.end(before)
        else:
            self._change(data)

    def delete(self, session_key: str | None = None) -> None:
        self.is_spent = False  # who signs out wants the cookie gone, whatever it is
        ended = session_key or self.session_key
        if ended:
            self.sessions.end(ended)

    def cycle_key(self) -> None:
        """A new id for the same session. One that was never kept gets its id when it is saved."""
        self._get_session()
        session = self.sessions.rotate(self.session_key) if self.session_key else None
        self._session_key = None if session is None else session.id
        if session is not None:
            self._note(session)
        self.modified = True

    async def acycle_key(self) -> None:
        await sync_to_async(self.cycle_key)()

    @classmethod
    def clear_expired(cls) -> None:
        """They end by themselves."""

    def _begin(self, data: Mapping[str, Any], subject: str | None) -> None:
        whose = subject if subject is not None else f"nobody-{secrets.token_hex(8)}"
        fields = {name: _into(value) for name, value in data.items()}
        session = self.sessions.create(whose, fields)
        self._session_key = session.id
        self._note(session)

    def _change(self, data: Mapping[str, Any]) -> None:
        fields = {name: _into(value) for name, value in data.items()}
        changes: dict[str, Any] = {
            name: value for name, value in fields.items() if self._told.get(name) != _spelt(value)
        }
        changes |= {name: None for name in self._told if name not in fields}
        if not changes:
            return
        session = self.sessions.patch(self.session_key, changes)
        if session is None:
            raise UpdateError
        self._note(session)

    def _note(self, session: Session) -> None:
        self._told = {name: _spelt(value) for name, value in session.data.items()}
        self._told_subject = session.subject


class SessionMiddleware(DjangoSessionMiddleware):  # type: ignore[misc]  # Django has no types
    """Django's, but while nobody can say whether a session lives the answer is 503 and the cookie stays."""

    def process_exception(self, _: Any, error: Exception) -> Any:
        return _away(error) if isinstance(error, PlatformAway) else None

    def process_response(self, request: Any, response: Any) -> Any:
        session = getattr(request, "session", None)
        if isinstance(session, SessionStore) and session.is_spent and session.is_empty():
            patch_vary_headers(response, ("Cookie",))
            return response
        try:
            return super().process_response(request, response)
        except PlatformAway as away:
            return _away(away)


def _away(away: PlatformAway) -> Any:
    refusal = away_refusal(away)
    return HttpResponse(refusal.body, status=refusal.status.value, headers=dict(refusal.headers))


def _spelt(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _into(value: object) -> object:
    return NONE if value is None else value


def _out_of(value: object) -> object:
    return None if value == NONE else value
