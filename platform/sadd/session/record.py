"""A session, and the form in which the store keeps it.

::

    form 1 | last use 6 | absolute end 6 | created 6 | idle 5 | touch 5 | generation 6 | version 4
    flags 1 | grace 2 | length 1, service | sealed

big-endian, times in ms; ``sealed`` opens only under the agency, service, ref and version that it was sealed
for, and holds::

    what there is 1 | level 1, its end 6 | length 2, subject | length 1, each: device, place, login | payload

the level and the three only where there are any: as memory is given out, 300 bytes take 16 less than 310. The
payload is JSON.

The scripts read and write the head at fixed offsets, so a touch writes six bytes. They see nothing of the
rest. An id that was rotated away or revoked leaves a **tombstone** for a minute: form 0, see ``record.lua``.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import msgspec

from sadd.session.ids import Names

HEAD = struct.Struct(">BHIHIHIBIBIHIIBH")
"""Numbers of six and five bytes are read as two: a fifth of what slices and ``int.from_bytes`` take."""
LEVEL = struct.Struct(">BHI")
HAS_LEVEL, HAS_LABELS, HAS_STAY = 1, 2, 4
WORD = 1 << 32
DURABLE = 1
TEXT_BYTES_MAX = 256
SERVICE_BYTES_MAX = 255
LABEL_BYTES_MAX = 120
"""Of a device, and of a place: what a person reads in a list; and of a login: what a provider calls it."""
LEVEL_MAX = 255
STAY_BYTES_MAX = 255


class Sealing(Protocol):
    """``sadd.sealing.Sealer``."""

    def seal(self, plain: bytes, bound_to: bytes) -> bytes: ...

    def open(self, sealed: bytes, bound_to: bytes) -> bytes: ...


class Session(msgspec.Struct, frozen=True, gc=False):
    """A session as it was read. Times are the store's, ms since the epoch; ``version`` counts updates."""

    service: str
    subject: str
    payload: bytes
    version: int
    created_ms: int
    used_ms: int
    absolute_ms: int
    """When it ends in any case."""
    idle_ms: int
    read_ms: int
    ref: str = ""
    """Names it to people, opens nothing; another one after each rotation."""
    device: str = ""
    place: str = ""
    level: int = 0
    level_until_ms: int = 0
    durable: bool = False
    login: str = ""
    """Which sign-in at a provider began it; goes along in rotations."""
    stay: str = ""
    """Which slot of a waiting room its visitor has; goes along too, and is free when the session is ended."""

    def __repr__(self) -> str:
        """Nothing of who it is and of what is kept: it may stand in a log line."""
        return f"Session({self.ref})"

    @property
    def expires_in_ms(self) -> int:
        """Until it ends if it is not used again (at least), from when it was read."""
        return max(0, min(self.used_ms + self.idle_ms, self.absolute_ms) - self.read_ms)

    @property
    def absolute_in_ms(self) -> int:
        return max(0, self.absolute_ms - self.read_ms)

    @property
    def level_now(self) -> int:
        """The level that was stepped up to, until its own end; then 0."""
        return self.level if self.read_ms < self.level_until_ms else 0


@dataclass(frozen=True, slots=True, repr=False)
class Body:
    """What is sealed of a session."""

    subject: str
    payload: bytes
    device: str = ""
    place: str = ""
    level: int = 0
    level_until_ms: int = 0
    login: str = ""
    stay: str = ""

    def packed(self) -> bytes:
        """Raises ValueError for what is out of bounds."""
        subject = bounded("subject", self.subject, TEXT_BYTES_MAX, least=1)
        if not 0 <= self.level <= LEVEL_MAX:
            raise ValueError(f"level must be from 0 to {LEVEL_MAX}, not {self.level}")
        labels = b"".join(self._labels()) if self.device or self.place or self.login else b""
        level = LEVEL.pack(self.level, *divmod(self.level_until_ms, WORD)) if self.level else b""
        stay = bounded("stay", self.stay, STAY_BYTES_MAX)
        there = (HAS_LEVEL if level else 0) | (HAS_LABELS if labels else 0) | (HAS_STAY if stay else 0)
        labels += bytes((len(stay),)) + stay if stay else b""
        return bytes((there,)) + level + len(subject).to_bytes(2, "big") + subject + labels + self.payload

    def _labels(self) -> Iterator[bytes]:
        for name in ("device", "place", "login"):
            raw = bounded(name, getattr(self, name), LABEL_BYTES_MAX)
            yield bytes((len(raw),)) + raw


def tail(sealing: Sealing, agency: str, service: str, names: Names, version: int, body: Body) -> bytes:
    """What follows the head. Raises ValueError for what is out of bounds."""
    name = bounded("service", service, SERVICE_BYTES_MAX, least=1)
    return bytes((len(name),)) + name + sealing.seal(body.packed(), _bound_to(agency, name, names, version))


def unpacked(sealing: Sealing, agency: str, names: Names, stored: bytes, read_ms: int) -> Session:
    """Raises ``sadd.sealing.Unsealable``: another agency's, altered, or of a retired key."""
    _, u, used, a, absolute, c, created, i, idle, _, _, _, _, version, flags, _ = HEAD.unpack_from(stored)
    sealed_at = HEAD.size + 1 + stored[HEAD.size]
    service = stored[HEAD.size + 1 : sealed_at]
    plain = sealing.open(stored[sealed_at:], _bound_to(agency, service, names, version))
    there, at = plain[0], 1
    level = e = until = 0
    if there & HAS_LEVEL:
        level, e, until = LEVEL.unpack_from(plain, at)
        at += LEVEL.size
    subject, at = _text(plain, at + 2, plain[at] << 8 | plain[at + 1])
    device = place = login = ""
    if there & HAS_LABELS:
        device, at = _text(plain, at + 1, plain[at])
        place, at = _text(plain, at + 1, plain[at])
        login, at = _text(plain, at + 1, plain[at])
    stay = ""
    if there & HAS_STAY:
        stay, at = _text(plain, at + 1, plain[at])
    return Session(
        service.decode(),
        subject,
        plain[at:],
        version,
        c * WORD + created,
        u * WORD + used,
        a * WORD + absolute,
        i * WORD + idle,
        read_ms,
        names.ref,
        device,
        place,
        level,
        e * WORD + until,
        bool(flags & DURABLE),
        login,
        stay,
    )


def _text(plain: bytes, at: int, length: int) -> tuple[str, int]:
    """What stands there, and where it ends."""
    end = at + length
    return plain[at:end].decode(), end


def rewritten(stored: bytes, version: int, used_ms: int, tail_: bytes) -> bytes:
    """The record as a script writes it: another version, use and tail. For the journal."""
    before, flags = stored[:1], stored[39 : HEAD.size]
    return before + used_ms.to_bytes(6, "big") + stored[7:35] + version.to_bytes(4, "big") + flags + tail_


def used_at(stored: bytes, used_ms: int) -> bytes:
    """The same record with another last use."""
    return stored[:1] + used_ms.to_bytes(6, "big") + stored[7:]


def idle_of(stored: bytes) -> int:
    return int.from_bytes(stored[19:24], "big")


def generation_of(stored: bytes) -> int:
    return int.from_bytes(stored[29:35], "big")


def bounded(what: str, text: str, most: int, least: int = 0) -> bytes:
    """As UTF-8. Raises ValueError for a text out of bounds."""
    raw = text.encode()
    if not least <= len(raw) <= most:
        raise ValueError(f"{what} is {'empty or ' if least else ''}longer than {most} bytes")
    return raw


def _bound_to(agency: str, service: bytes, names: Names, version: int) -> bytes:
    return b"session\0%b\0%b\0%b\0%d" % (agency.encode(), service, names.ref.encode(), version)
