"""The feed of revocations: gapless numbers in the order of commits, so nobody who resumes misses one."""

from dataclasses import dataclass, field

import structlog

from sadd.sealing import Unsealable
from sadd.session.record import Sealing
from sadd.session.store import Row

REASON_CHARACTERS_MAX = 64
_log = structlog.get_logger("sadd.session")


@dataclass(frozen=True, slots=True)
class Revocation:
    """``ref`` names the session; empty: all of the subject's but ``kept`` (empty: none goes on)."""

    seq: int
    at_ms: int
    agency: str
    service: str
    """Whose session it was; empty where all are ended."""
    subject: str = field(repr=False)
    ref: str
    kept: str
    reason: str


@dataclass(frozen=True, slots=True)
class Feed:
    """What follows a number. ``gap``: some of it was forgotten; what is held of sessions counts no more."""

    revocations: tuple[Revocation, ...]
    last: int
    """The newest number there is."""
    gap: bool


def sealed_subject(sealing: Sealing, tag: str, subject: str) -> bytes:
    """Who somebody is stands in the clear in no store."""
    return sealing.seal(subject.encode(), _bound_to(tag))


def told(sealing: Sealing, row: Row) -> Revocation:
    """A subject that no key opens any more is told as empty: the number and the ref still say what ended."""
    try:
        subject = sealing.open(row.subject, _bound_to(row.tag)).decode()
    except Unsealable:
        _log.warning("a revocation's subject cannot be opened", seq=row.seq)
        subject = ""
    return Revocation(
        row.seq,
        row.at_ms,
        row.agency,
        row.service,
        subject,
        row.tag + row.digest if row.digest else "",
        row.tag + row.kept if row.kept else "",
        row.reason,
    )


def _bound_to(tag: str) -> bytes:
    return b"session-revocation\0" + tag.encode()
