"""What is at rest in a store is sealed: AES-256-GCM-SIV, bound to where it lies.

::

    key id 4 | nonce 12 | sealed text as long as the plain one | tag 16

Whoever moves a sealed value to another place finds that it does not open there: ``bound_to`` is part of the
proof and stands nowhere in it. The first key seals, every key in force opens, so a rotation harms nothing.
The nonce is random: with plain GCM a key would be spent after 2**32 values (a day at 50,000 a second; NIST SP
800-38D 8.3), with the misuse-resistant form of RFC 8452 (section 9) after far more than we shall ever write.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12
TAG_BYTES = 16
OVERHEAD_BYTES = KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES


class Unsealable(ValueError):
    """No key in force opens it there: moved, altered, cut short, or of a key that was retired.

    A ValueError, so that who gets a sealer by protocol need not know this name."""


@dataclass(frozen=True, slots=True)
class SealKey:
    """``id`` is eight hex digits, ``secret`` 32 bytes."""

    id: str
    secret: bytes = field(repr=False)


class Sealer:
    """Seals with the first of its keys and opens with any. Raises ValueError for none, or a bad one."""

    def __init__(self, keys: Sequence[SealKey]) -> None:
        self.renew(keys)

    def renew(self, keys: Sequence[SealKey]) -> None:
        """The keys in force from now on, the one that seals first."""
        if not keys or any(len(key.secret) != KEY_BYTES for key in keys):
            raise ValueError(f"a sealer has at least one key, each of {KEY_BYTES} bytes")
        self._known = {bytes.fromhex(key.id): AESGCMSIV(key.secret) for key in keys}
        self._id = bytes.fromhex(keys[0].id)

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return self._id + nonce + self._known[self._id].encrypt(nonce, plain, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """The plain text. Raises Unsealable."""
        key = self._known.get(sealed[:KEY_ID_BYTES])
        if key is None or len(sealed) < OVERHEAD_BYTES:
            raise Unsealable("no key in force opens this")
        nonce, text = sealed[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES], sealed[KEY_ID_BYTES + NONCE_BYTES :]
        try:
            return key.decrypt(nonce, text, bound_to)
        except InvalidTag:
            raise Unsealable("it was altered, or sealed for another place") from None
