"""A provider's key, and tokens of every kind that it could sign."""

from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from sadd.logout.token import EVENT, MEDIA_TYPE, Pinned

NOW_S = 1_800_000_000
PINNED = Pinned("https://login.gov.example", "moehe-portal")
SECRET = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_SECRET = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(secret: rsa.RSAPrivateKey = SECRET, key_id: str = "one") -> dict[str, Any]:
    """The key as a provider publishes it."""
    told: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(secret.public_key(), as_dict=True)
    return {**told, "kid": key_id, "use": "sig", "alg": "RS256"}


KEY = jwt.PyJWK(public())


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a good token; a change to None takes the claim away."""
    good: dict[str, Any] = {
        "iss": PINNED.issuer,
        "aud": PINNED.audience,
        "iat": NOW_S,
        "exp": NOW_S + 120,
        "jti": "7e5a",
        "sub": "28412345678",
        "events": {EVENT: {}},
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(
    said: dict[str, Any] | None = None,
    *,
    secret: Any = SECRET,
    algorithm: str = "RS256",
    **header: Any,
) -> str:
    head = {"typ": MEDIA_TYPE, "kid": "one", **header}
    return jwt.encode(claims() if said is None else said, secret, algorithm=algorithm, headers=head)
