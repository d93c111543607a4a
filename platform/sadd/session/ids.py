"""Session ids: made here, never taken from outside, and in the store only as keyed hashes.

An id is 8 bytes that say where the subject's sessions live, and 256 random bits; base64url, 54 characters.
The first are a keyed hash of agency and subject, the **tag**. It lets one script see a session and its
subject's state (one hash tag), and spreads subjects evenly over a cluster; to anyone else it is noise.

A **ref** is the tag and the keyed hash of the id: it names a session to people and opens nothing.
"""

import hashlib
import re
import secrets
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence

from msgspec import Struct

TAG_BYTES = 8
RANDOM_BYTES = 32
DIGEST_BYTES = 16
TAG_CHARACTERS = 11
DIGEST_CHARACTERS = 22
PEPPER_BYTES_MIN = 32
AGENCIES_MAX = 10_000
"""Whose prefix of the hash is kept; of more all are made anew."""
_URL = bytes.maketrans(b"+/", b"-_")
_NOT_URL = bytes.maketrans(b"-_", b"+/")
FORM = re.compile(r"[A-Za-z0-9_-]{53}[AQgw]")  # the last holds two bits: with any of the rest set it is no id
REF = re.compile(rf"[A-Za-z0-9_-]{{{TAG_CHARACTERS + DIGEST_CHARACTERS}}}")


class Names(Struct, frozen=True, gc=False):
    """Where a session is in the store: its own key and its subject's. Both are of one hash tag.

    A struct: it is made for each request.
    """

    tag: str
    digest: str

    @property
    def session(self) -> bytes:
        return f"session:{{{self.tag}}}:{self.digest}".encode()

    @property
    def subject(self) -> bytes:
        return subject_key(self.tag)

    @property
    def ref(self) -> str:
        return self.tag + self.digest


def subject_key(tag: str) -> bytes:
    return f"session:{{{tag}}}:subject".encode()


def of_ref(ref: str) -> Names | None:
    """None for what cannot be a ref."""
    return Names(ref[:TAG_CHARACTERS], ref[TAG_CHARACTERS:]) if REF.fullmatch(ref) else None


class Ids:
    """Makes ids and finds their names, under peppers of at least 32 bytes; the first makes new ones.

    The agency is part of every hash: another agency's id names nothing here, so it is simply unknown.
    """

    def __init__(self, *peppers: bytes) -> None:
        self.renew(peppers)

    def renew(self, peppers: Sequence[bytes]) -> None:
        """The peppers in force from now on. What an older one named is found as long as it is among them."""
        if not peppers or any(len(pepper) < PEPPER_BYTES_MIN for pepper in peppers):
            raise ValueError(f"a pepper has at least {PEPPER_BYTES_MIN} bytes")
        self.pepper = peppers[0]
        self._hashes = tuple(_Hash(pepper) for pepper in peppers)

    def new(self, agency: str, subject: str) -> str:
        return _text(_tag(self._hashes[0], agency, subject) + secrets.token_bytes(RANDOM_BYTES))

    def renewed(self, session_id: str) -> str:
        """A new id for the same subject: under its tag, since one script sees the old and the new."""
        return _text(_raw(session_id)[:TAG_BYTES] + secrets.token_bytes(RANDOM_BYTES))

    def names(self, agency: str, session_id: str) -> tuple[Names, ...]:
        """Under each pepper, that of new ids first. Empty for what cannot be an id."""
        if not FORM.fullmatch(session_id):
            return ()
        raw = _raw(session_id)
        tag = _text(raw[:TAG_BYTES])
        return tuple([Names(tag, _text(each.of(b"id", agency, raw)[:DIGEST_BYTES])) for each in self._hashes])

    def tags(self, agency: str, subject: str) -> tuple[str, ...]:
        """Where a subject's sessions may be: under each pepper, that of new ids first."""
        return tuple(_text(_tag(each, agency, subject)) for each in self._hashes)

    def network(self, agency: str, network: str) -> bytes:
        """The key of what a network began. Addresses are personal, so hashed."""
        digest = _text(self._hashes[0].of(b"network", agency, network.encode())[:DIGEST_BYTES])
        return f"session:network:{digest}".encode()


class _Hash:
    """HMAC-SHA256 (RFC 2104) that has taken in its key and an agency's name before: a fifth of what
    ``hmac.digest`` takes, which each read of a session would pay."""

    def __init__(self, key: bytes) -> None:
        padded = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
        self._of = dict[tuple[bytes, str], "hashlib._Hash"]()

    def of(self, purpose: bytes, agency: str, what: bytes) -> bytes:
        begun = self._of.get((purpose, agency))
        if begun is None:
            begun = self._begin(purpose, agency)
        inner = begun.copy()
        inner.update(what)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def _begin(self, purpose: bytes, agency: str) -> "hashlib._Hash":
        if len(self._of) >= AGENCIES_MAX:
            self._of.clear()
        begun = self._of[purpose, agency] = self._inner.copy()
        name = agency.encode()
        begun.update(b"%b\0%d\0%b" % (purpose, len(name), name))
        return begun


def _tag(by: _Hash, agency: str, subject: str) -> bytes:
    """Its first bit is 0, so no ref and no id begins with "-", which a command takes for a flag."""
    hashed = by.of(b"subject", agency, subject.encode())
    return bytes((hashed[0] & 0x7F,)) + hashed[1:TAG_BYTES]


def _raw(session_id: str) -> bytes:
    return a2b_base64(session_id.encode().translate(_NOT_URL) + b"==")


def _text(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(_URL).rstrip(b"=").decode()
