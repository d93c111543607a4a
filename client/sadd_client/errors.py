"""What a call may raise; a refusal is none of these, but a ``Decision``.

::

    SaddError
    ├── PlatformAway           nobody could say: not reached, not in time, not understood, or a 5xx
    ├── Problem                the platform understood and will not: a fault of the call or of its key
    │   ├── InvalidRequest     a field breaks a rule
    │   ├── Unauthenticated    the key is not in force
    │   ├── Forbidden          the key lacks a scope
    │   ├── UnknownPolicy      no such policy or service of this agency
    │   ├── UnknownRoom        no such waiting room
    │   ├── InvalidTicket      not a ticket, or a code, of this room
    │   ├── VersionConflict    somebody changed the session first
    │   ├── TooManySessions    the subject, or the network, has as many as it may
    │   ├── CacheBusy          somebody else loads the entry, for longer than the caller's patience
    │   ├── InvalidPass        not a pass for here, or it was spent; offline too, without ``details``
    │   └── UnknownPath        the platform has no such call: it is older than this client, or no Sadd
    └── IncompatiblePlatform   what ``verify`` found
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class SaddError(Exception):
    """Any error of this client."""


class PlatformAway(SaddError):
    """The platform could not be asked, or did not answer sensibly within the deadline.

    ``check`` and limiters never raise it: there ``on_loss`` decides. ``sent`` tells whether the platform may
    have acted on the call; ``retry_after_seconds`` is when asking again makes sense, if that is known.
    """

    def __init__(self, reason: str, *, sent: bool = False, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class ProblemDetails:
    """RFC 9457 members. ``slug`` is the stable end of the type URI, ``request_id`` finds the log line."""

    status: int
    slug: str
    title: str
    detail: str = ""
    request_id: str = ""
    errors: Sequence[Mapping[str, Any]] = ()


class Problem(SaddError):
    """The platform refused the call itself. Repeating it as it is will not help."""

    def __init__(self, details: ProblemDetails) -> None:
        super().__init__(f"{details.status} {details.slug}: {details.detail or details.title}")
        self.details = details


class InvalidRequest(Problem):
    """A field breaks a rule; ``details.errors`` name the places."""


class Unauthenticated(Problem):
    """The key is unknown, wrong, expired or revoked; the platform does not tell which."""


class Forbidden(Problem):
    """The key is in force but may not make this call."""


class UnknownPolicy(Problem):
    """The key's agency has no policy or service of this id."""


class UnknownRoom(Problem):
    """There is no waiting room of this id."""


class InvalidTicket(Problem):
    """Not a ticket or a resume code of this room, or one of a key that is gone. Join anew."""


class InvalidPass(Problem):
    """Not a pass or an entry for this room and service, or no longer one, or it was spent before."""

    def __init__(self, details: ProblemDetails | str) -> None:
        if isinstance(details, str):  # verified here: nobody was asked
            details = ProblemDetails(403, "invalid-pass", "This is no pass for this service.", details)
        super().__init__(details)


class VersionConflict(Problem):
    """Somebody else changed the session first: read it and try again."""


class TooManySessions(Problem):
    """The subject, or the network, has as many sessions as it may."""


class CacheBusy(Problem):
    """Somebody else loads the entry, and the caller's patience is over. No second load was begun."""

    def __init__(self, details: ProblemDetails | str, retry_after_seconds: float = 1.0) -> None:
        if isinstance(details, str):  # known here: nobody was asked
            details = ProblemDetails(503, "being-loaded", "Somebody loads this entry already.", details)
        super().__init__(details)
        self.retry_after_seconds = retry_after_seconds


class UnknownPath(Problem):
    """There is no such call at this address."""


class IncompatiblePlatform(SaddError):
    """The platform at this address lacks calls that this client makes, or is no Sadd at all."""


_BY_SLUG: dict[str, type[Problem]] = {
    "invalid-request": InvalidRequest,
    "body-too-large": InvalidRequest,
    "unauthenticated": Unauthenticated,
    "forbidden": Forbidden,
    "unknown-service": UnknownPolicy,
    "unknown-policy": UnknownPolicy,
    "unknown-room": UnknownRoom,
    "invalid-ticket": InvalidTicket,
    "invalid-code": InvalidTicket,
    "invalid-pass": InvalidPass,
    "version-conflict": VersionConflict,
    "being-loaded": CacheBusy,
    "too-many-sessions": TooManySessions,
    "not-found": UnknownPath,
    "method-not-allowed": UnknownPath,
}


def problem_of(details: ProblemDetails) -> Problem:
    """The error for these details, by their slug."""
    return _BY_SLUG.get(details.slug, Problem)(details)
