"""The keys that sign our own logout tokens: ES256, since every library of a relying party verifies it.

Each is made from the 32 random bytes of its row in ``signing_keys``; the public halves are published as a
JSON Web Key Set, those too that do not sign yet.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ALGORITHM = "ES256"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256: a secret is a number from 1 up to it (SEC 2)."""


class Key(Protocol):
    """What is asked of a signing key: sadd.signing has them, newest first."""

    @property
    def id(self) -> str: ...

    @property
    def secret(self) -> bytes: ...

    @property
    def signs_from_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class _Pair:
    id: str
    signs_from_s: float
    secret: ec.EllipticCurvePrivateKey


class LogoutKeys:
    """Signs with the newest key whose time has come. ``keys``: newest first, one or more."""

    def __init__(self, keys: Sequence[Key], *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._pairs = _pairs(keys)

    def renew(self, keys: Sequence[Key]) -> None:
        """After a rotation: these keys and no others are in force from now on."""
        self._pairs = _pairs(keys)

    def sign(self, claims: Mapping[str, Any], media_type: str) -> str:
        pair = next((one for one in self._pairs if one.signs_from_s <= self._clock()), self._pairs[-1])
        return jwt.encode(
            dict(claims), pair.secret, algorithm=ALGORITHM, headers={"kid": pair.id, "typ": media_type}
        )

    def jwks(self) -> Mapping[str, Any]:
        return {"keys": [_public(pair) for pair in self._pairs]}


def _pairs(keys: Sequence[Key]) -> list[_Pair]:
    if not keys:
        raise ValueError("no key to sign logout tokens with")
    return [_Pair(key.id, key.signs_from_s, _secret(key.secret)) for key in keys]


def _secret(raw: bytes) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(raw, "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def _public(pair: _Pair) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(pair.secret.public_key()))
    return {**told, "kid": pair.id, "use": "sig", "alg": ALGORITHM}
