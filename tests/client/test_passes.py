"""Passes verified by the client: the same are good, and the same are refused, as by the platform itself."""

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueing.passes import InvalidPass as Refused
from queueing.passes import Pass, PassKey, PassOffice
from sadd_client import InvalidPass, PassVerifier, SaddError
from tests.queueing.test_attacks import CLAIMS, HEAD, KEY, PAYLOAD, ROOM, SERVICE, SIGNATURE, TEXT, signed

OFFICE = PassOffice([PassKey("0000000b", b"n" * 32), KEY])
PUBLISHED = json.loads(json.dumps(OFFICE.jwks()))
VERIFIER = PassVerifier(PUBLISHED, ROOM, SERVICE)
ENTRY = OFFICE.sign_entry(Pass(ROOM, "h", "i", int(time.time()), int(time.time()) + 9_999, SERVICE))
PLAIN = {"alg": "EdDSA", "kid": KEY.id, "typ": "JWT"}

_CHANGES: list[dict[str, Any]] = [
    {"exp": True},
    {"exp": "9999999999"},
    {"iat": None},
    {"aud": []},
    {"aud": True},
    {"aud": [ROOM, "x"]},
    {"aud": {}},
    {"jti": 1},
    {"iss": "other"},
]

CORPUS = [
    TEXT,
    ENTRY,
    OFFICE.sign(Pass(ROOM, "h", "i", int(time.time()), int(time.time()) + 9_999)),
    OFFICE.sign(Pass(ROOM, "h", "i", int(time.time()), int(time.time()) - 1)),
    OFFICE.sign(Pass("other", "h", "i", 0, 2**33)),
    OFFICE.sign(Pass(ROOM, "h", "i", 0, 2**33, "other")),
    "",
    "x" * 5_000,
    f"{HEAD}.{PAYLOAD}.",
    f"{HEAD}.{PAYLOAD}.{SIGNATURE}.",
    f"{HEAD}.{PAYLOAD}.{SIGNATURE[:-1]}{chr(ord(SIGNATURE[-1]) + 1)}",
    signed({**PLAIN, "alg": "none"}, CLAIMS),
    signed({**PLAIN, "kid": "../../dev/null"}, CLAIMS),
    signed(PLAIN, CLAIMS),
    *(signed(PLAIN, {**CLAIMS, **changes}) for changes in _CHANGES),
    signed(PLAIN, [CLAIMS]),
    signed(PLAIN, None),
]


def told(read: Any, text: str, error: type[Exception]) -> Any:
    try:
        found = read(text)
    except error:
        return None
    return found.room, found.holder, found.id, found.issued_s, found.ends_s, found.service


@pytest.mark.parametrize("text", CORPUS)
def test_client_and_platform_agree(text: str) -> None:
    """Two texts of one rule, held equal: passes as passes, entries as entries."""
    ours = told(lambda one: OFFICE.read(one, ROOM, SERVICE), text, Refused)
    assert told(VERIFIER.read, text, InvalidPass) == ours
    entry = told(lambda one: OFFICE.read_entry(one, ROOM, SERVICE), text, Refused)
    assert told(VERIFIER.read_entry, text, InvalidPass) == entry
    assert ours is None or entry is None


def test_the_corpus_has_good_ones() -> None:
    """Or both would agree in refusing everything."""
    assert VERIFIER.read(TEXT).service == SERVICE
    assert VERIFIER.read_entry(ENTRY).id == "i"


@given(st.text(max_size=300))
def test_rubbish(text: str) -> None:
    """It is refused as such, by an error of ours."""
    for one in (text, f"{HEAD}.{text}", f"{HEAD}.{PAYLOAD}.{text}"):
        with pytest.raises(SaddError):
            VERIFIER.read(one)


def test_an_end_is_looked_at_each_time() -> None:
    """A pass that was seen before ends all the same."""
    clock = [float(CLAIMS["iat"])]
    verifier = PassVerifier(PUBLISHED, ROOM, clock=lambda: clock[0])
    assert verifier.read(TEXT).id == CLAIMS["jti"]
    clock[0] = CLAIMS["exp"]
    with pytest.raises(InvalidPass):
        verifier.read(TEXT)


@pytest.mark.parametrize("published", [{}, {"keys": None}, {"keys": [1]}, {"keys": [{"kid": "x"}]}, []])
def test_what_is_no_key_set(published: Any) -> None:
    """A fault of set-up, said as such; keys of other kinds are let be."""
    if published == {"keys": [{"kid": "x"}]}:
        assert not PassVerifier(published, ROOM).knows(TEXT)
        return
    with pytest.raises(ValueError, match="key set"):
        PassVerifier(published, ROOM)


def test_whose_key_is_known() -> None:
    """So that a newer key set is asked for when it may help, and not for rubbish of known keys."""
    assert VERIFIER.knows(TEXT)
    head = base64.urlsafe_b64encode(b'{"alg":"EdDSA","kid":"ffffffff","typ":"JWT"}').decode()
    assert not VERIFIER.knows(f"{head}.{PAYLOAD}.{SIGNATURE}")
