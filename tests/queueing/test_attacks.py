"""The attacks that other waiting rooms fell to, each by its name: none gives a place, a pass or an entry.

Where they are from: docs/gate.md, "What is tried against passes". The gate's own are in
tests/sadd/gate/test_door.py and tests/proxies/test_rooms.py.
"""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from queueing.passes import InvalidPass, Pass, PassKey, PassOffice
from queueing.spent import SpentPasses
from queueing.verifier import TEXT_MAX, Verifier
from tests.stores import connected

ROOM, SERVICE = "results", "moehe-results"
KEY = PassKey("0000000a", b"k" * 32)
PRIVATE = Ed25519PrivateKey.from_private_bytes(KEY.seed)
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
OFFICE = PassOffice([KEY])
NOW_S = int(time.time())
GRANTED = Pass(ROOM, "ab" * 16, "cd" * 16, NOW_S, NOW_S + 86_400, SERVICE)
TEXT = OFFICE.sign(GRANTED)
HEAD, PAYLOAD, SIGNATURE = TEXT.split(".")
CLAIMS: dict[str, Any] = json.loads(base64.urlsafe_b64decode(PAYLOAD + "=="))
L = 2**252 + 27742317777372353535851937790883648493
"""The order of the curve's group (RFC 8032, section 5.1)."""


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(head: Any, claims: Any) -> str:
    """By our very key, whatever it says: what would happen if a signature alone were looked at."""
    text = f"{encoded(head)}.{encoded(claims)}"
    return f"{text}.{encoded(PRIVATE.sign(text.encode()))}"


def refused(text: str, room: str = ROOM, service: str = SERVICE) -> bool:
    """Neither a pass nor an entry, and nothing but InvalidPass is raised."""
    for read in (OFFICE.read, OFFICE.read_entry):
        with pytest.raises(InvalidPass):
            read(text, room, service)
    return True


def test_it_is_good_before_it_is_tampered_with() -> None:
    """Or nothing below would mean anything."""
    assert OFFICE.read(TEXT, ROOM, SERVICE) == GRANTED
    assert OFFICE.read(signed({"alg": "EdDSA", "kid": KEY.id, "typ": "JWT"}, CLAIMS), ROOM) == GRANTED


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "", None, 0, "HS256", "RS256", "eddsa", "Ed448"]
)
def test_alg_none(alg: Any) -> None:
    """The algorithm is not read from the head: with the signature, without it, or with an empty one."""
    head = encoded({"alg": alg, "kid": KEY.id, "typ": "JWT"})
    for end in ("", SIGNATURE, "AA"):
        assert refused(f"{head}.{PAYLOAD}.{end}")
    assert refused(signed({"alg": alg, "kid": KEY.id, "typ": "JWT"}, CLAIMS))
    assert refused(f"{head}.{PAYLOAD}")


def test_key_confusion() -> None:
    """Our published key as the secret of an HMAC."""
    assert refused(jwt.encode(CLAIMS, PUBLIC, "HS256", {"kid": KEY.id}))
    assert refused(jwt.encode(CLAIMS, encoded(PUBLIC), "HS256", {"kid": KEY.id}))


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/proc/sys/kernel/ostype",
        "file:///etc/passwd",
        "https://evil.example/jwks.json",
        "0000000a' OR '1'='1",
        "0000000a\0",
        "0000000A",
        " 0000000a",
        "ffffffff",
        "",
        None,
        0,
        True,
        ["0000000a"],
        {"$ne": ""},
    ],
)
def test_kid_path(kid: Any) -> None:
    """The key's id is compared with those in force and never looked up anywhere."""
    assert refused(signed({"alg": "EdDSA", "kid": kid, "typ": "JWT"}, CLAIMS))


@pytest.mark.parametrize(
    "more",
    [
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": encoded(PUBLIC)}},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert"},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
        {"zip": "DEF"},
        {"typ": "jwt"},
        {"typ": None},
        {"cty": "JWT"},
    ],
)
def test_a_key_of_ones_own(more: dict[str, Any]) -> None:
    """What a head says beside algorithm, key and type is refused, not ignored."""
    assert refused(signed({"alg": "EdDSA", "kid": KEY.id, "typ": "JWT", **more}, CLAIMS))


def test_field_shifting() -> None:
    """Characters that move from one field into its neighbour: the fields are JSON and all of it is signed."""
    shifted = [
        {**CLAIMS, "sub": CLAIMS["sub"] + CLAIMS["jti"][0], "jti": CLAIMS["jti"][1:]},
        {**CLAIMS, "sub": CLAIMS["sub"][:-1], "jti": CLAIMS["sub"][-1] + CLAIMS["jti"]},
        {**CLAIMS, "exp": int(f"{CLAIMS['exp']}9")},
        {**CLAIMS, "iat": CLAIMS["iat"] // 10, "exp": CLAIMS["exp"] * 10},
        {**CLAIMS, "aud": [ROOM + "service:", SERVICE]},
    ]
    for claims in shifted:
        assert refused(f"{HEAD}.{encoded(claims)}.{SIGNATURE}")
    for cut in range(1, len(PAYLOAD), 37):
        assert refused(f"{HEAD}{PAYLOAD[:cut]}.{PAYLOAD[cut:]}.{SIGNATURE}")
        assert refused(f"{HEAD}.{PAYLOAD[:cut]}.{PAYLOAD[cut:]}{SIGNATURE}")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": True},
        {"exp": str(NOW_S + 9_999)},
        {"exp": 1e30},
        {"exp": None},
        {"exp": [NOW_S + 9_999]},
        {"exp": -1},
        {"exp": 0},
        {"iat": "now"},
        {"iat": NOW_S + 9_999},
        {"aud": True},
        {"aud": []},
        {"aud": [[ROOM]]},
        {"aud": {ROOM: True}},
        {"aud": [ROOM, True]},
        {"aud": [ROOM, "service:other"]},
        {"aud": [ROOM, SERVICE]},
        {"aud": ["service:" + SERVICE, ROOM]},
        {"aud": [ROOM, "service:" + SERVICE, "service:other"]},
        {"aud": "*"},
        {"aud": ""},
        {"sub": ""},
        {"sub": 1},
        {"jti": ""},
        {"jti": None},
        {"iss": "Sadd"},
        {"iss": True},
        {"cap": True},
    ],
)
def test_truthy_values(changes: dict[str, Any]) -> None:
    """A claim of another type is none, even under a good signature: 1 is no text, true is no time."""
    assert refused(signed({"alg": "EdDSA", "kid": KEY.id, "typ": "JWT"}, {**CLAIMS, **changes}))


def test_a_missing_claim() -> None:
    """What is not there is not taken for anything."""
    for name in CLAIMS:
        less = {key: value for key, value in CLAIMS.items() if key != name}
        assert refused(signed({"alg": "EdDSA", "kid": KEY.id, "typ": "JWT"}, less))


def test_a_pass_is_no_entry_and_an_entry_no_pass() -> None:
    """Or who shows his pass as an entry would never spend it; a library that ignores the type is told too."""
    entry = OFFICE.sign_entry(GRANTED)
    with pytest.raises(InvalidPass):
        OFFICE.read_entry(TEXT, ROOM, SERVICE)
    with pytest.raises(InvalidPass):
        OFFICE.read(entry, ROOM, SERVICE)
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(entry, PRIVATE.public_key(), ["EdDSA"], audience=ROOM)


@pytest.mark.parametrize(
    ("room", "service"),
    [
        ("Results", SERVICE),
        ("RESULTS", SERVICE),
        ("results ", SERVICE),
        ("results\0", SERVICE),
        ("ｒesults", SERVICE),
        ("resu1ts", SERVICE),
        ("", SERVICE),
        (SERVICE, ROOM),
        (ROOM, "moehe"),
        (ROOM, SERVICE.upper()),
        ("service:" + SERVICE, SERVICE),
    ],
)
def test_another_audience(room: str, service: str) -> None:
    """Room and service are compared as they are, to the letter, each with its own."""
    assert refused(TEXT, room, service)


@pytest.mark.parametrize(
    "room", ["نتائج", "café", "cafe\u0301", "𝓻esults", "результаты", "a\u202eb", "x:y~z|."]
)
def test_unicode_ids(room: str) -> None:
    """Ids of any letters work, and are no other id that looks or sounds the same."""
    office = PassOffice([KEY])
    text = office.sign(Pass(room, "h", "i", NOW_S, NOW_S + 86_400, room))
    assert text.isascii()
    assert office.read(text, room, room).room == room
    for other in ("نتائح", "cafe", "café" if room != "café" else "cafe\u0301", "results", room + "\u200b"):
        with pytest.raises(InvalidPass):
            office.read(text, other, room)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "=",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.replace(".", ". ", 1),
        lambda text: text + ".",
        lambda text: text + "." + SIGNATURE,
        lambda text: text[:-1] + chr(ord(text[-1]) + 1),
        lambda text: text.replace("-", "+").replace("_", "/") + "+",
        lambda text: text.upper(),
        lambda text: text.swapcase(),
        lambda text: text[::-1],
        lambda text: "Bearer " + text,
        lambda text: text + "\udcff",
        lambda text: "é" + text,
        lambda text: text * 20,
        lambda text: f"{HEAD}.{'A' * 100_000}.{SIGNATURE}",
        lambda text: f"{HEAD}..{SIGNATURE}",
        lambda text: f"..{SIGNATURE}",
        lambda text: "",
    ],
)
def test_another_spelling(change: Callable[[str], str]) -> None:
    """A pass has one spelling: what is spent by one cannot be shown again by another."""
    assert refused(change(TEXT))


def test_another_spelling_of_the_last_letter() -> None:
    """Four bits of it carry nothing; sixteen letters would be one signature."""
    accepted = 0
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        try:
            OFFICE.read(TEXT[:-1] + letter, ROOM)
            accepted += 1
        except InvalidPass:
            pass
    assert accepted == 1


def test_another_signature_of_the_same() -> None:
    """S + L satisfies the equation as well as S (RFC 8032 forbids it): a pass has one signature."""
    raw = base64.urlsafe_b64decode(SIGNATURE + "==")
    s = int.from_bytes(raw[32:], "little") + L
    assert refused(f"{HEAD}.{PAYLOAD}.{encoded(raw[:32] + s.to_bytes(32, 'little'))}")


def test_an_expired_pass_is_not_signed_again() -> None:
    """Seen before or not, its end is looked at each time, and nothing gives it another one."""
    clock = [float(NOW_S)]
    office = PassOffice([KEY], clock=lambda: clock[0])
    text = office.sign(Pass(ROOM, "h", "i", NOW_S, NOW_S + 60))
    assert office.read(text, ROOM).ends_s == NOW_S + 60
    clock[0] = NOW_S + 60
    for _ in range(2):
        with pytest.raises(InvalidPass):
            office.read(text, ROOM)


def test_a_retired_key_is_gone_from_memory_too() -> None:
    """A pass that was seen before does not outlive its key."""
    office = PassOffice([KEY])
    text, entry = office.sign(GRANTED), office.sign_entry(GRANTED)
    assert office.read(text, ROOM) == office.read_entry(entry, ROOM, SERVICE)
    office.renew([PassKey("0000000b", b"n" * 32)])
    with pytest.raises(InvalidPass):
        office.read(text, ROOM)
    with pytest.raises(InvalidPass):
        office.read_entry(entry, ROOM, SERVICE)


async def test_replay_and_a_shared_pass(valkey_url: str) -> None:
    """Once, whoever shows it: on a second device, a moment later, in any spelling."""
    async with connected(valkey_url) as client:
        spent = SpentPasses(client)
        granted = OFFICE.read(TEXT, ROOM, SERVICE)
        assert await spent.spend(ROOM, granted.id, b"phone---", 60_000) == "first"
        assert await spent.spend(ROOM, granted.id, b"laptop--", 60_000) == "spent"


def test_refusals_do_not_fill_the_memory() -> None:
    """Only what was verified is remembered."""
    verifier = Verifier({KEY.id: PUBLIC})
    for number in range(100):
        with pytest.raises(InvalidPass):
            verifier.read(f"{HEAD}.{PAYLOAD}.{number}", ROOM)
    assert verifier.seen == 0


@settings(max_examples=300)
@given(st.integers(0, len(TEXT) - 1), st.integers(0, 6))
def test_any_one_bit(at: int, bit: int) -> None:
    """No bit of a pass can be another."""
    other = chr(ord(TEXT[at]) ^ (1 << bit))
    assert refused(TEXT[:at] + other + TEXT[at + 1 :])


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda raw: raw.decode("latin-1"))))
def test_rubbish(text: str) -> None:
    """Whatever it is: refused, and never anything else."""
    assert refused(text)
    assert refused(f"{HEAD}.{text}.{SIGNATURE}")
    assert refused(f"{HEAD}.{PAYLOAD}.{text}")


def test_rubbish_without_end() -> None:
    """It is not even looked at."""
    assert refused("x" * (TEXT_MAX + 1))
    assert refused(f"{HEAD}.{'x' * TEXT_MAX}.{SIGNATURE}")
