"""The pass: an Ed25519-signed JWT that any backend verifies offline with the published keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

ISSUER = "sadd"
ALGORITHM = "EdDSA"
LEEWAY_SECONDS = 0


class InvalidPass(Exception):
    """Not a pass for this room, or no longer one."""


@dataclass(frozen=True, slots=True)
class PassKey:
    """A signing key and the id under which its public half is published."""

    id: str
    private: Ed25519PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass says: room, holder, its own id, and until when (seconds since the epoch)."""

    room: str
    holder: str
    id: str
    issued_s: int
    ends_s: int


class PassOffice:
    """Signs passes with the first key, verifies with any. ``keys`` are newest first and at least one."""

    def __init__(self, keys: Sequence[PassKey]) -> None:
        if not keys:
            raise ValueError("no key to sign passes with")
        self._current = keys[0]
        self._keys = {key.id: key for key in keys}

    def sign(self, granted: Pass) -> str:
        """The pass as a compact JWT. Ed25519 is deterministic: the same pass is the same text."""
        claims = {
            "iss": ISSUER,
            "aud": granted.room,
            "sub": granted.holder,
            "jti": granted.id,
            "iat": granted.issued_s,
            "exp": granted.ends_s,
        }
        return jwt.encode(claims, self._current.private, ALGORITHM, {"kid": self._current.id})

    def read(self, text: str, room: str) -> Pass:
        """The pass, if it is in force for ``room``. Raises InvalidPass. Backends do this offline."""
        try:
            key = self._keys[jwt.get_unverified_header(text)["kid"]]
            claims = jwt.decode(
                text,
                key.private.public_key(),
                [ALGORITHM],
                {"require": ["exp", "iat", "jti", "sub", "aud"]},
                audience=room,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
            )
        except (jwt.InvalidTokenError, KeyError, TypeError) as refused:
            raise InvalidPass(type(refused).__name__) from refused
        return Pass(room, claims["sub"], claims["jti"], claims["iat"], claims["exp"])

    def jwks(self) -> Mapping[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517, RFC 8037)."""
        return {"keys": [_public(key) for key in self._keys.values()]}


def _public(key: PassKey) -> dict[str, Any]:
    public = OKPAlgorithm.to_jwk(key.private.public_key(), as_dict=True)
    return {**public, "kid": key.id, "use": "sig", "alg": ALGORITHM}
