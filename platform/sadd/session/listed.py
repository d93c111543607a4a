"""A session as its subject sees it among his others."""

from dataclasses import dataclass

from sadd.session.record import Session


@dataclass(frozen=True, slots=True)
class Listed:
    """Times are the store's, ms since the epoch. ``ref`` ends it (``Sessions.revoke_ref``)."""

    ref: str
    service: str
    device: str
    place: str
    created_ms: int
    used_ms: int
    """Of the last use that was written: at most one touch interval before the last."""
    absolute_ms: int
    level: int
    read_ms: int
    login: str = ""
    """Which sign-in at a provider began it."""


def listed(session: Session) -> Listed:
    return Listed(
        session.ref,
        session.service,
        session.device,
        session.place,
        session.created_ms,
        session.used_ms,
        session.absolute_ms,
        session.level_now,
        session.read_ms,
        session.login,
    )
