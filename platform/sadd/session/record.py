"""A session, and the form in which the store keeps it.

::

    version of the form 1 | last use 6 | absolute end 6 | created 6 | idle 5 | touch 5    times in ms
    generation 4 | version 4 | length 2, service | length 2, subject | payload (JSON)

big-endian. The scripts read and write the fields before ``generation`` at fixed offsets, so a touch writes
six bytes. The payload is opaque to them.
"""

import struct
from dataclasses import dataclass

HEAD = struct.Struct(">B6s6s6s5s5sII")
FORM_VERSION = 1
TEXT_BYTES_MAX = 256


@dataclass(frozen=True, slots=True)
class Session:
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

    @property
    def expires_in_ms(self) -> int:
        """Until it ends if it is not used again (at least), from when it was read."""
        return max(0, min(self.used_ms + self.idle_ms, self.absolute_ms) - self.read_ms)

    @property
    def absolute_in_ms(self) -> int:
        return max(0, self.absolute_ms - self.read_ms)


def tail(service: str, subject: str, payload: bytes) -> bytes:
    """What follows the version in the stored form. Raises ValueError for a name out of bounds."""
    return _named("service", service) + _named("subject", subject) + payload


def unpacked(stored: bytes, read_ms: int) -> Session:
    _, used, absolute, created, idle, _, _, version = HEAD.unpack_from(stored)
    service, subject_at = _text_at(stored, HEAD.size)
    subject, payload_at = _text_at(stored, subject_at)
    return Session(
        service=service,
        subject=subject,
        payload=stored[payload_at:],
        version=version,
        created_ms=_number(created),
        used_ms=_number(used),
        absolute_ms=_number(absolute),
        idle_ms=_number(idle),
        read_ms=read_ms,
    )


def _named(what: str, text: str) -> bytes:
    raw = text.encode()
    if not 0 < len(raw) <= TEXT_BYTES_MAX:
        raise ValueError(f"{what} is empty or longer than {TEXT_BYTES_MAX} bytes")
    return len(raw).to_bytes(2, "big") + raw


def _text_at(stored: bytes, at: int) -> tuple[str, int]:
    end = at + 2 + int.from_bytes(stored[at : at + 2], "big")
    return stored[at + 2 : end].decode(), end


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")
