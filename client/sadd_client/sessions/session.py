"""A session as the platform tells it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sadd_client.answers import integer, members, name
from sadd_client.errors import PlatformAway
from sadd_client.wire import Answer

Gone = Literal["unknown", "spent"]
"""``spent``: it was rotated, so the browser has a newer id or soon will. ``unknown``: it opens nothing."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who has ``id`` *is* the session: no repr shows it. ``ref`` names it to people, and opens nothing.

    ``level`` is 0 unless it was stepped up, and drops by itself.
    """

    id: str = field(repr=False)
    ref: str
    service: str
    subject: str = field(repr=False)
    version: int
    data: Mapping[str, Any] = field(repr=False)
    idle_expires_in_ms: int
    expires_in_ms: int
    level: int = 0
    device: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class ListedSession:
    """One of a subject's, for a person to recognise: times are milliseconds since the epoch."""

    ref: str
    service: str
    device: str
    place: str
    created_ms: int
    used_ms: int
    expires_in_ms: int
    current: bool = False


def session_of(answer: Answer, session_id: str = "") -> Session:
    """``session_id`` is the one that was asked with, where the answer gives no new one."""
    found = members(answer)
    data = found.get("data")
    if not isinstance(data, dict):
        raise PlatformAway(f"the answer ({answer.status}) is not what a Sadd says", sent=True)
    return Session(
        id=name(found, "session", answer) if found.get("session") else session_id,
        ref=str(found.get("ref") or ""),
        service=name(found, "service", answer),
        subject=name(found, "subject", answer),
        version=integer(found, "version", answer),
        data=data,
        idle_expires_in_ms=integer(found, "idle_expires_in_ms", answer),
        expires_in_ms=integer(found, "expires_in_ms", answer),
        level=integer(found, "level", answer) if found.get("level") is not None else 0,
        device=str(found.get("device") or ""),
        place=str(found.get("place") or ""),
    )


def listed_of(answer: Answer) -> list[ListedSession]:
    found = members(answer).get("sessions")
    if not isinstance(found, list):
        raise PlatformAway(f"the answer ({answer.status}) is not what a Sadd says", sent=True)
    return [
        ListedSession(
            ref=name(one, "ref", answer),
            service=name(one, "service", answer),
            device=str(one.get("device") or ""),
            place=str(one.get("place") or ""),
            created_ms=integer(one, "created_ms", answer),
            used_ms=integer(one, "used_ms", answer),
            expires_in_ms=integer(one, "expires_in_ms", answer),
            current=one.get("current") is True,
        )
        for one in found
        if isinstance(one, dict)
    ]
