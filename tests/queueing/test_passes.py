"""Passes: any backend can check one with the published key, and none can be made without the private one."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from queueing.passes import InvalidPass, Pass, PassKey, PassOffice

KEY = PassKey("0000000c", b"c" * 32)
PRIVATE = Ed25519PrivateKey.from_private_bytes(KEY.seed)
OFFICE = PassOffice([KEY])
NOW = int(time.time())
HOURS = 3600  # read when tests are collected, which may be long before they run
GRANTED = Pass("results", "ab" * 16, "cd" * 16, NOW, NOW + 8 * HOURS)


def claims(**changes: Any) -> dict[str, Any]:
    base = {"iss": "sadd", "aud": "results", "sub": "a", "jti": "j", "iat": NOW, "exp": NOW + 8 * HOURS}
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def test_a_pass_says_what_was_granted() -> None:
    """Room, holder, id and times come back; the same pass is the same text."""
    assert OFFICE.read(OFFICE.sign(GRANTED), "results") == GRANTED
    assert OFFICE.sign(GRANTED) == OFFICE.sign(GRANTED)


def test_a_backend_needs_only_the_published_keys() -> None:
    """A JWT library and the JWKS, nothing of ours, verify it offline."""
    published = json.loads(json.dumps(OFFICE.jwks()))
    text = OFFICE.sign(GRANTED)
    key = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(text)["kid"]]
    read = jwt.decode(text, key, ["EdDSA"], audience="results", issuer="sadd")
    assert read["jti"] == GRANTED.id


def test_the_key_set_holds_no_private_part() -> None:
    """What is published is public: no d."""
    (key,) = OFFICE.jwks()["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_another_rooms_pass_is_invalid() -> None:
    """The audience is the room."""
    with pytest.raises(InvalidPass):
        OFFICE.read(OFFICE.sign(GRANTED), "other")


@pytest.mark.parametrize(
    "changes",
    [{"exp": NOW - 1}, {"iat": NOW + 4 * HOURS}, {"iss": "other"}]
    + [{name: None} for name in ("exp", "iat", "jti", "sub", "aud", "iss")]
    + [{"aud": ["results", "other"], "jti": None}],
)
def test_a_claim_that_is_wrong_or_missing_is_invalid(changes: dict[str, Any]) -> None:
    """Even when the signature is right."""
    text = jwt.encode(claims(**changes), PRIVATE, "EdDSA", {"kid": KEY.id})
    with pytest.raises(InvalidPass):
        OFFICE.read(text, "results")


def test_the_algorithm_is_pinned() -> None:
    """alg none, and HS256 keyed with our public key's bytes, are refused."""
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": KEY.id}).encode()).rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=")
    public = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    confused = jwt.encode(claims(), public, "HS256", {"kid": KEY.id})
    for text in ((head + b"." + body + b".").decode(), confused):
        with pytest.raises(InvalidPass):
            OFFICE.read(text, "results")


@pytest.mark.parametrize("kid", [None, "ffffffff", "../../etc/passwd", "", "0000000c'--"])
def test_an_unknown_key_id_is_invalid(kid: str | None) -> None:
    """The id is looked up in what is known, and never anywhere else."""
    text = jwt.encode(
        claims(), Ed25519PrivateKey.generate(), "EdDSA", {"kid": kid} if kid is not None else {}
    )
    with pytest.raises(InvalidPass):
        OFFICE.read(text, "results")


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é.é.é", "x" * 10_000])
def test_rubbish_is_invalid_and_nothing_worse(text: str) -> None:
    """Malformed input is refused in the one way."""
    with pytest.raises(InvalidPass):
        OFFICE.read(text, "results")


def test_a_rotation_keeps_old_passes_valid() -> None:
    """The old key stays published and accepted while the new one signs."""
    new = PassKey("0000000d", b"d" * 32)
    both = PassOffice([new, KEY])
    assert both.read(OFFICE.sign(GRANTED), "results") == GRANTED
    assert jwt.get_unverified_header(both.sign(GRANTED))["kid"] == new.id
    assert [key["kid"] for key in both.jwks()["keys"]] == [new.id, KEY.id]
