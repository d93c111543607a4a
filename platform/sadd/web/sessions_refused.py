"""What of sessions cannot be answered, as problems; and the id that a request shows."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import hdrs, web

from sadd.logout.database import DatabaseAway
from sadd.session.payload import PayloadTooLarge
from sadd.session.policy import PAYLOAD_BYTES_MAX
from sadd.session.sessions import SpentSession, TooManySessions, UnknownSession
from sadd.session.store import StoreUnavailable, VersionConflict
from sadd.web.away import store_away
from sadd.web.problem import Problem, body_too_large, invalid_request
from sadd.web.sessions_cookie import DoubledCookie, session_in

SESSION_HEADER = "Sadd-Session"


def shown(request: web.Request) -> str:
    """The id; an empty one is unknown like any other that is none of ours. Header before cookie."""
    if given := request.headers.get(SESSION_HEADER):
        return given
    return session_in(request.headers.getall(hdrs.COOKIE, []))


@contextmanager
def refusing() -> Iterator[None]:
    try:
        yield
    except (
        UnknownSession,
        VersionConflict,
        TooManySessions,
        PayloadTooLarge,
        DoubledCookie,
        ValueError,
        StoreUnavailable,
        DatabaseAway,
    ) as wrong:
        raise problem_of(wrong) from None


def problem_of(wrong: Exception) -> Problem:
    """The exception itself goes on if it is a fault of ours."""
    if isinstance(wrong, StoreUnavailable | DatabaseAway):
        return store_away("Nobody knows whether the session lives. Keep its id and try again.")
    if isinstance(wrong, SpentSession):
        detail = "The session goes on under another id, or somebody else has this one. Sign in again."
        return Problem(404, "spent-session", "This id was given up.", detail)
    if isinstance(wrong, UnknownSession):
        detail = "It has ended, or was never one of your agency."
        return Problem(404, "unknown-session", "There is no such session.", detail)
    if isinstance(wrong, VersionConflict):
        return Problem(
            409,
            "version-conflict",
            "Somebody else changed the session first.",
            "Read it and try again.",
            extra={"version": wrong.version},
        )
    if isinstance(wrong, TooManySessions):
        return _too_many(wrong.retry_after_ms)
    if isinstance(wrong, PayloadTooLarge):
        return body_too_large(PAYLOAD_BYTES_MAX)
    if isinstance(wrong, DoubledCookie):
        return invalid_request(f"Nobody can say which session is meant: {wrong}.", status=400)
    if isinstance(wrong, ValueError):
        return invalid_request(str(wrong))
    raise wrong


def _too_many(retry_after_ms: int) -> Problem:
    return Problem(
        429,
        "too-many-sessions",
        "There are as many sessions as there may be.",
        "The subject, or the visitor's network, has as many as the class allows.",
        extra={"retry_after_ms": retry_after_ms},
        headers={"Retry-After": str(max(1, -(-retry_after_ms // 1000)))},
    )
