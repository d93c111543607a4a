"""Session ids: made here, never taken from outside, and in the store only as keyed hashes.

An id is 8 bytes that say where the subject's sessions live, and 256 random bits; base64url, 54 characters.
The first are a keyed hash of agency and subject. They let one script see a session and its subject's
generation (one hash tag), and spread subjects evenly over a cluster; to anyone else they are noise.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

PLACE_BYTES = 8
RANDOM_BYTES = 32
FORM = re.compile(r"[A-Za-z0-9_-]{53}[AQgw]")  # the last holds two bits: with any of the rest set it is no id


@dataclass(frozen=True, slots=True)
class Names:
    """Where a session is in the store: its own key and its subject's generation. Both are of one hash tag."""

    session: bytes
    generation: bytes


class Ids:
    """Makes ids and finds their names, under one pepper of at least 32 bytes.

    The agency is part of every hash: another agency's id names nothing here, so it is simply unknown.
    """

    def __init__(self, pepper: bytes) -> None:
        if len(pepper) < 32:
            raise ValueError("a pepper has at least 32 bytes")
        self._pepper = pepper

    def new(self, agency: str, subject: str) -> str:
        return _text(self._place(agency, subject) + secrets.token_bytes(RANDOM_BYTES))

    def renewed(self, session_id: str) -> str:
        """A new id for the same subject."""
        return _text(urlsafe_b64decode(session_id + "==")[:PLACE_BYTES] + secrets.token_bytes(RANDOM_BYTES))

    def names(self, agency: str, session_id: str) -> Names | None:
        """None for what cannot be an id."""
        if not FORM.fullmatch(session_id):
            return None
        raw = urlsafe_b64decode(session_id + "==")
        place = _text(raw[:PLACE_BYTES])
        digest = _text(self._hash(b"id", agency, raw)[:24])
        return Names(f"session:{{{place}}}:{digest}".encode(), _generation(place))

    def generation(self, agency: str, subject: str) -> bytes:
        """The key of a subject's generation."""
        return _generation(_text(self._place(agency, subject)))

    def _place(self, agency: str, subject: str) -> bytes:
        return self._hash(b"subject", agency, subject.encode())[:PLACE_BYTES]

    def _hash(self, purpose: bytes, agency: str, what: bytes) -> bytes:
        name = agency.encode()
        framed = b"%b\0%d\0%b%b" % (purpose, len(name), name, what)
        return hmac.digest(self._pepper, framed, "sha256")


def _generation(place: str) -> bytes:
    return f"session:{{{place}}}:generation".encode()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
