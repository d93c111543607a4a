"""Logout tokens: what is accepted, and all that is not (ASVS 5.0, 10.5.5; section 2.6 of the standard)."""

import warnings
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.logout.keys import LogoutKeys
from sadd.logout.token import (
    EVENT,
    LEEWAY_SECONDS,
    TOKEN_BYTES_MAX,
    InvalidToken,
    Logout,
    Pinned,
    key_id_of,
    read,
    written,
)
from sadd.signing import SigningKey
from tests.sadd.logout.scene import KEY, NOW_S, OTHER_SECRET, PINNED, claims, public, token


def test_a_good_token_says_whom_it_signs_out() -> None:
    """By subject, by session, by both; and until when it is to be remembered."""
    assert read(token(), KEY, PINNED, NOW_S) == Logout("7e5a", "28412345678", None, NOW_S + 120 + 10)
    both = read(token(claims(sid="s1")), KEY, PINNED, NOW_S)
    assert (both.subject, both.session) == ("28412345678", "s1")
    alone = read(token(claims(sub=None, sid="s1")), KEY, PINNED, NOW_S)
    assert (alone.subject, alone.session) == (None, "s1")
    listed = read(token(claims(aud=[PINNED.audience])), KEY, PINNED, NOW_S)
    assert listed.subject == "28412345678"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"iss": "https://login.gov.example/"}, "another issuer"),
        ({"iss": None}, "MissingRequiredClaim"),
        ({"aud": "moi-portal"}, "another audience"),
        ({"aud": [PINNED.audience, "moi-portal"]}, "another audience"),
        ({"aud": []}, "another audience"),
        ({"aud": None}, "MissingRequiredClaim"),
        ({"exp": None}, "MissingRequiredClaim"),
        ({"iat": None}, "MissingRequiredClaim"),
        ({"jti": None}, "MissingRequiredClaim"),
        ({"exp": NOW_S + 121}, "longer than 120 s"),
        ({"exp": NOW_S}, "longer than 120 s"),
        ({"iat": NOW_S - 200, "exp": NOW_S - LEEWAY_SECONDS - 80}, "not in force"),
        ({"iat": NOW_S + 60, "exp": NOW_S + 100}, "not in force"),
        ({"nbf": NOW_S + 60}, "not in force"),
        ({"exp": "soon"}, "times are none"),
        ({"iat": True}, "times are none"),
        ({"jti": ""}, "its jti"),
        ({"jti": 7}, "signature or form|its jti"),
        ({"sub": ""}, "its sub"),
        ({"sub": "x" * 256}, "its sub"),
        ({"sid": "a\nb"}, "its sid"),
        ({"sid": ["s1"]}, "its sid"),
        ({"sub": None}, "neither a subject nor a session"),
        ({"nonce": "n"}, "nonce"),
        ({"events": {}}, "no logout"),
        ({"events": [EVENT]}, "no logout"),
        ({"events": {EVENT: "x"}}, "no logout"),
        ({"events": {"http://schemas.openid.net/event/other": {}}}, "no logout"),
        ({"events": None}, "MissingRequiredClaim"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(changes: dict[str, Any], what: str) -> None:
    """Each rule by itself; the reason has nothing of the token in it."""
    with pytest.raises(InvalidToken, match=what) as refused:
        read(token(claims(**changes)), KEY, PINNED, NOW_S)
    assert "28412345678" not in str(refused.value)


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "logout", None, "logout+jwt2"])
def test_another_kind_of_token_is_refused(typ: str | None) -> None:
    """An ID token of the same issuer for the same audience signs nobody out."""
    with pytest.raises(InvalidToken, match="typ"):
        read(token(typ=typ), KEY, PINNED, NOW_S)


def test_the_kind_may_be_spelled_in_full() -> None:
    """RFC 7515, 4.1.9: ``application/`` may be left out, and case does not count."""
    read(token(typ="application/Logout+JWT"), KEY, PINNED, NOW_S)


def test_a_token_of_another_key_is_refused() -> None:
    """Whatever key id it claims."""
    with pytest.raises(InvalidToken, match="signature"):
        read(token(secret=OTHER_SECRET), KEY, PINNED, NOW_S)


def test_no_secret_that_others_know_signs() -> None:
    """None at all, and the public key taken as a shared secret."""
    unsigned = jwt.encode(claims(), "", algorithm="none", headers={"typ": "logout+jwt"})
    with pytest.raises(InvalidToken, match="alg"):
        read(unsigned, KEY, PINNED, NOW_S)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shared = jwt.encode(claims(), public()["n"], algorithm="HS256", headers={"typ": "logout+jwt"})
    with pytest.raises(InvalidToken, match="alg"):
        read(shared, KEY, PINNED, NOW_S)
    secret = jwt.PyJWK({"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "alg": "HS256"})
    with pytest.raises(InvalidToken):
        read(token(), secret, PINNED, NOW_S)


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é.b.c", "x" * (TOKEN_BYTES_MAX + 1)])
def test_what_is_no_token_is_refused(text: str) -> None:
    """Before any key is looked for."""
    with pytest.raises(InvalidToken):
        key_id_of(text)


@given(st.integers(0, 2_000), st.sampled_from(["cut", "flip"]))
def test_no_token_that_was_touched_is_accepted(at: int, how: str) -> None:
    """Cut short or one letter changed, anywhere; the last letter has bits that say nothing."""
    good = token()
    at %= len(good) - 1
    letter = "A" if good[at] != "A" else "B"
    touched = good[:at] if how == "cut" else good[:at] + letter + good[at + 1 :]
    with pytest.raises(InvalidToken):
        read(touched, KEY, PINNED, NOW_S)


def keys(*secrets: bytes, signs_from_s: float = 0.0) -> list[SigningKey]:
    """Newest first; the first of several signs from then on."""
    return [
        SigningKey(f"{number:08x}", secret, signs_from_s if number == 0 else 0.0)
        for number, secret in enumerate(secrets)
    ]


def key_of(office: LogoutKeys, text: str) -> jwt.PyJWK:
    published = jwt.PyJWKSet.from_dict(dict(office.jwks()))
    return published[str(key_id_of(text))]


def test_our_own_tokens_are_good() -> None:
    """By the published key, for the one audience, for two minutes; both names are in it."""
    office = LogoutKeys(keys(b"1" * 32), clock=lambda: NOW_S)
    asked = Logout("rev_7_lr_x", "28412345678", "ref", 0)
    text = written(office, "https://sadd.gov.example", "rp", asked, NOW_S)
    told = read(text, key_of(office, text), Pinned("https://sadd.gov.example", "rp"), NOW_S)
    assert (told.id, told.subject, told.session) == ("rev_7_lr_x", "28412345678", "ref")
    with pytest.raises(InvalidToken):
        read(text, key_of(office, text), Pinned("https://sadd.gov.example", "rp"), NOW_S + 131)


def test_a_new_key_is_published_before_it_signs() -> None:
    """And an old one goes on to verify until it is retired."""
    now_s = float(NOW_S)
    office = LogoutKeys(keys(b"2" * 32, b"1" * 32, signs_from_s=NOW_S + 600), clock=lambda: now_s)
    asked = Logout("j", "s", None, 0)
    before = written(office, "https://i.example", "rp", asked, NOW_S)
    now_s = NOW_S + 600.0
    after = written(office, "https://i.example", "rp", asked, NOW_S)
    assert (key_id_of(before), key_id_of(after)) == ("00000001", "00000000")
    for text in (before, after):
        read(text, key_of(office, text), Pinned("https://i.example", "rp"), NOW_S)
    office.renew(keys(b"2" * 32))
    assert [key["kid"] for key in office.jwks()["keys"]] == ["00000000"]


@given(st.binary(min_size=32, max_size=32))
def test_any_random_bytes_make_a_key(secret: bytes) -> None:
    """Zero and the group's order, too; nothing of the secret is published."""
    office = LogoutKeys(keys(secret), clock=lambda: NOW_S)
    (published,) = office.jwks()["keys"]
    assert set(published) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
