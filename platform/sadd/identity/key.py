"""The form of an API key: ``sadd_<prefix>_<secret>``, made, read and hashed.

The prefix is public: it names the key in lists, logs and audit rows. The secret has 160 random bits and
is shown once. At rest only its SHA-256 is kept. A slow hash (argon2, bcrypt) protects what people choose
and attackers guess; nobody guesses 160 random bits, at any speed, so it would buy nothing and cost every
request tens of milliseconds.

Both parts are base32 in small letters: no underscore, no padding, nothing that a URL, a shell or a
header quotes, and a form that secret scanners find: ``sadd_[a-z2-7]{12}_[a-z2-7]{32}``.
"""

import hashlib
import re
import secrets
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass, field

PREFIX_LENGTH = 12  # 60 bits: two of a million keys share a prefix with a chance of 4e-7
SECRET_LENGTH = 32  # 160 bits
KEY_PATTERN = rf"sadd_([a-z2-7]{{{PREFIX_LENGTH}}})_([a-z2-7]{{{SECRET_LENGTH}}})"

_KEY = re.compile(KEY_PATTERN)


@dataclass(frozen=True, slots=True)
class Key:
    """A whole key, secret included. Its ``repr`` leaves the secret out, so that no log shows it."""

    prefix: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """What the caller sends."""
        return f"sadd_{self.prefix}_{self.secret}"

    @property
    def hash(self) -> bytes:
        return secret_hash(self.secret)


def mint(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Key:
    """A new key."""
    return Key(_base32(random_bytes(8))[:PREFIX_LENGTH], _base32(random_bytes(20)))


def parse(text: str) -> Key | None:
    """The key that ``text`` spells, None if it spells none."""
    found = _KEY.fullmatch(text)
    return Key(*found.groups()) if found else None


def secret_hash(secret: str) -> bytes:
    """What is kept of a secret: 32 bytes."""
    return hashlib.sha256(secret.encode()).digest()


def _base32(raw: bytes) -> str:
    return b32encode(raw).decode().rstrip("=").lower()
