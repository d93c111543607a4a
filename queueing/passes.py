"""The pass: an Ed25519-signed JWT that any backend verifies offline with the published keys.

A pass lets its holder in once: at the service's door it is spent and exchanged for an entry, which says the
same, is signed with the same keys, and is good until it ends.
"""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from queueing.verifier import (
    ENTRY,
    ISSUER,
    PASS,
    SERVICE,
    InvalidPass,
    Kind,
    Pass,
    Verifier,
    audience,
    head_of,
    key_set,
)

__all__ = ["InvalidPass", "Pass", "PassKey", "PassOffice"]

SEED_BYTES = 32
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class PassKey:
    """A signing key by its Ed25519 seed, and the id under which its public half is published.

    It is published at once and signs from ``signs_from_s`` (seconds since the epoch) on: a backend may hold
    the key set for some minutes, and a pass whose key it does not know would be refused there.
    """

    id: str
    seed: bytes = field(repr=False)
    signs_from_s: float = 0.0

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES or not self.id.isalnum():
            raise ValueError(f"pass key {self.id!r}: a seed has 32 bytes, an id letters and digits only")


@dataclass(frozen=True, slots=True)
class _Signer:
    key: PassKey
    secret: bytes = field(repr=False)
    public: bytes

    @classmethod
    def of(cls, key: PassKey) -> "_Signer":
        public, secret = crypto_sign_seed_keypair(key.seed)
        return cls(key, secret, public)


class PassOffice:
    """Signs passes with the newest key that may, verifies with any. ``keys``: newest first, one or more."""

    def __init__(self, keys: Sequence[PassKey], *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._signers = _signers(keys)
        self._passes = Verifier(self._public(), clock=clock)
        self._entries = Verifier(self._public(), kind=ENTRY, clock=clock)

    def renew(self, keys: Sequence[PassKey]) -> None:
        """After a rotation: these keys and no others are in force from now on."""
        self._signers = _signers(keys)
        self._passes.renew(self._public())
        self._entries.renew(self._public())

    def sign(self, granted: Pass) -> str:
        """The pass as a compact JWT. The same pass is the same text, until a rotation."""
        return self._signed(granted, PASS)

    def read(self, text: str, room: str, service: str | None = None) -> Pass:
        """The pass, if it is in force for ``room`` and, where one is named, for ``service``.

        Raises InvalidPass. Backends do this offline.
        """
        return self._passes.read(text, room, service)

    def sign_entry(self, entry: Pass) -> str:
        """What a spent pass is exchanged for; of one service. ValueError: it names none."""
        if not entry.service:
            raise ValueError("an entry is of one service")
        return self._signed(entry, ENTRY)

    def read_entry(self, text: str, room: str, service: str) -> Pass:
        """The entry, if it is in force for this very service. Raises InvalidPass."""
        return self._entries.read(text, room, service)

    def jwks(self) -> Mapping[str, Any]:
        """The public keys as a JSON Web Key Set, those too that do not sign yet."""
        return key_set(list(self._public().items()))

    def _signed(self, granted: Pass, kind: Kind) -> str:
        if granted.room.startswith(SERVICE):
            raise ValueError(f"no room is called {granted.room!r}")
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": audience(granted.room, granted.service, kind),
            "sub": granted.holder,
            "jti": granted.id,
            "iat": granted.issued_s,
            "exp": granted.ends_s,
        }
        if granted.cap_s > granted.ends_s:
            claims["cap"] = granted.cap_s
        signer = self._current()
        signed = f"{head_of(signer.key.id, kind)}.{_url64(msgspec.json.encode(claims))}"
        signature = crypto_sign(signed.encode(), signer.secret)[:_SIGNATURE_BYTES]
        return f"{signed}.{_url64(signature)}"

    def _current(self) -> _Signer:
        now_s = self._clock()
        return next((one for one in self._signers if one.key.signs_from_s <= now_s), self._signers[-1])

    def _public(self) -> dict[str, bytes]:
        return {one.key.id: one.public for one in self._signers}


def _signers(keys: Sequence[PassKey]) -> list[_Signer]:
    if not keys:
        raise ValueError("no key to sign passes with")
    return [_Signer.of(key) for key in keys]


def _url64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
