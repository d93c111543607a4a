"""Proof of work: a challenge costs its caller computing time, and the server one MAC and eight hashes.

A challenge is signed and says all that it is good for: one room, one use, one network, one difficulty, one
stretch of time. So nothing is kept of it. It is spent once by what it yields: the holder made of it takes one
place, however often it is shown (``Answered.holder``)::

    version 1 | key id 4 | bits 1 | issued at, ms 6 | nonce 12 | network 8 | subject 8 | length 1 | room
    | HMAC-SHA-256, 16 of 32

all big-endian, then base64url without padding. ``subject`` is 0 for a join, else the number whose turn it is.

The answer is eight counters of 4 bytes: with each, SHA-256 of (SHA-256 of the challenge's text, the part's
index, the counter) begins with ``bits`` zero bits. Eight small parts instead of a large one: the unluckiest
of a hundred takes 2.0 times the mean, with one part it would take 4.6 times.
"""

import binascii
import hmac
import math
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, TypeAlias

from queueing.ticket import KEY_ID_BYTES, TicketKeys

VERSION = 1
PARTS = 8
COUNTER_BYTES = 4
BITS_LEAST, BITS_MOST = 8, 18
"""Of a part. 18 is two million hashes in all: above that a slow phone would be shut out."""

LIFE_MS = 300_000
"""An answer that comes later is none: what is collected before a rush is worth nothing in it."""

PHONE_HASHES_PER_S = 100_000
"""What a phone of 2019 computes in a page, with care: docs/queue-bots.md says how that was estimated."""

PLAIN_LEAST_MS = 5_000
PLAIN_FACTOR = 2

NONCE_BYTES = 12
NETWORK_BYTES = 8
HOLDER_BYTES = 16
MAC_BYTES = 16
TEXT_MAX = 500
HEAD_BYTES = 1 + KEY_ID_BYTES + 1 + 6 + NONCE_BYTES + NETWORK_BYTES + 8 + 1
PURPOSE = b"sadd queue work\0"
NETWORK_PURPOSE = b"sadd queue work network\0"
HOLDER_PURPOSE = b"sadd queue work holder\0"

Reason: TypeAlias = Literal["forged", "foreign", "expired", "early", "unsolved"]
"""``foreign``: of another room, network or turn; ``early``: the plain way, before its time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a challenge is about. ``network`` is the caller's, in whatever words; 0 is a join."""

    room: str
    network: str
    subject: int = 0


@dataclass(frozen=True, slots=True)
class Challenge:
    """What is handed out. ``plain_after_ms`` from now it is good without an answer, in the plain way."""

    text: str
    bits: int
    parts: int
    expires_in_ms: int
    plain_after_ms: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A challenge that was met. ``holder`` is the same whenever it is shown, and nobody else's."""

    holder: bytes
    plain: bool
    """In the plain way: by waiting."""
    bits: int


@dataclass(frozen=True, slots=True)
class Refused:
    """What is shown is no answer. ``left_ms`` until it is one, when it is only early."""

    reason: Reason
    left_ms: int = 0


@dataclass(frozen=True, slots=True)
class Effort:
    """``bits`` of each part while the room is not pressed, and at most. Raises ValueError out of bounds."""

    bits: int = 14
    bits_max: int = 17

    def __post_init__(self) -> None:
        if not BITS_LEAST <= self.bits <= self.bits_max <= BITS_MOST:
            raise ValueError(f"work of {self.bits} up to {self.bits_max} bits, not {BITS_LEAST}..{BITS_MOST}")

    def at(self, pressure: float) -> int:
        """The bits when ``pressure`` times as many join as the room lets in: one more for each doubling."""
        doublings = int(math.log2(pressure)) if pressure > 1 else 0
        return min(self.bits + doublings, self.bits_max)


def plain_after_ms(bits: int) -> int:
    """How long the plain way takes: twice what a phone of 2019 needs, and never less than 5 s."""
    phone_ms = (PARTS << bits) * 1000 // PHONE_HASHES_PER_S
    return max(PLAIN_LEAST_MS, PLAIN_FACTOR * phone_ms)


class WorkOffice:
    """Hands challenges out and judges what comes back. ``nonce`` gives as many random bytes as asked."""

    def __init__(self, keys: TicketKeys, nonce: Callable[[int], bytes]) -> None:
        self._current = bytes.fromhex(keys.current)
        self._secrets = {bytes.fromhex(key_id): secret for key_id, secret in keys.secrets.items()}
        self._nonce = nonce

    def challenge(self, asked: Asked, bits: int, now_ms: int) -> Challenge:
        secret, room = self._secrets[self._current], asked.room.encode()
        body = b"".join(
            (
                bytes((VERSION,)),
                self._current,
                bytes((bits,)),
                now_ms.to_bytes(6, "big"),
                self._nonce(NONCE_BYTES),
                _network(secret, asked.network),
                asked.subject.to_bytes(8, "big"),
                bytes((len(room),)),
                room,
            )
        )
        text = urlsafe_b64encode(body + _mac(secret, body)).rstrip(b"=").decode()
        return Challenge(text, bits, PARTS, LIFE_MS, plain_after_ms(bits))

    def judge(self, shown: str, asked: Asked, now_ms: int) -> Answered | Refused:
        """``shown`` is the challenge, a full stop and the answer; without an answer it is the plain way."""
        text, _, answer = shown.partition(".")
        body = self._signed(text)
        if body is None:
            return Refused("forged")
        if not _about(body, asked, self._secrets[_key_id(body)]):
            return Refused("foreign")
        bits, age_ms = body[1 + KEY_ID_BYTES], now_ms - _issued_ms(body)
        if not 0 <= age_ms <= LIFE_MS:
            return Refused("expired")
        if answer:
            if not solved(text, answer, bits):
                return Refused("unsolved")
        elif age_ms < plain_after_ms(bits):
            return Refused("early", plain_after_ms(bits) - age_ms)
        return Answered(self._holder(body), not answer, bits)

    def _signed(self, text: str) -> bytes | None:
        """The body of a challenge of ours; None for anything else."""
        raw = _decoded(text, TEXT_MAX)
        body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        secret = self._secrets.get(_key_id(body))
        if secret is None or len(body) < HEAD_BYTES or body[0] != VERSION:
            return None
        return body if hmac.compare_digest(mac, _mac(secret, body)) else None

    def _holder(self, body: bytes) -> bytes:
        secret = self._secrets[_key_id(body)]
        return hmac.digest(secret, HOLDER_PURPOSE + body, "sha256")[:HOLDER_BYTES]


def solved(text: str, answer: str, bits: int) -> bool:
    """Whether every part of the answer does what the challenge asks."""
    counters = _decoded(answer, PARTS * COUNTER_BYTES * 2)
    if len(counters) != PARTS * COUNTER_BYTES:
        return False
    seed = sha256(text.encode()).digest()
    return all(
        _meets(seed, part, counters[part * COUNTER_BYTES : (part + 1) * COUNTER_BYTES], bits)
        for part in range(PARTS)
    )


def solve(challenge: Challenge) -> str:
    """What is to be shown: the challenge and its answer. ``8 * 2 ** bits`` hashes in the mean."""
    seed = sha256(challenge.text.encode()).digest()
    counters = b"".join(_search(seed, part, challenge.bits) for part in range(challenge.parts))
    return f"{challenge.text}.{urlsafe_b64encode(counters).rstrip(b'=').decode()}"


def _search(seed: bytes, part: int, bits: int) -> bytes:
    for number in range(2 ** (8 * COUNTER_BYTES)):
        counter = number.to_bytes(COUNTER_BYTES, "big")
        if _meets(seed, part, counter, bits):
            return counter
    raise AssertionError("four thousand million tries without one that fits")


def _meets(seed: bytes, part: int, counter: bytes, bits: int) -> bool:
    digest = sha256(seed + bytes((part,)) + counter).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - bits) == 0


def _about(body: bytes, asked: Asked, secret: bytes) -> bool:
    network_at = 1 + KEY_ID_BYTES + 1 + 6 + NONCE_BYTES
    subject_at = network_at + NETWORK_BYTES
    room = body[HEAD_BYTES : HEAD_BYTES + body[HEAD_BYTES - 1]]
    return (
        room == asked.room.encode()
        and int.from_bytes(body[subject_at : subject_at + 8], "big") == asked.subject
        and hmac.compare_digest(body[network_at:subject_at], _network(secret, asked.network))
    )


def _key_id(body: bytes) -> bytes:
    return body[1 : 1 + KEY_ID_BYTES]


def _issued_ms(body: bytes) -> int:
    return int.from_bytes(body[2 + KEY_ID_BYTES : 8 + KEY_ID_BYTES], "big")


def _network(secret: bytes, network: str) -> bytes:
    """Says nothing of the address to whoever sees the challenge."""
    return hmac.digest(secret, NETWORK_PURPOSE + network.encode(), "sha256")[:NETWORK_BYTES]


def _mac(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, PURPOSE + body, "sha256")[:MAC_BYTES]


def _decoded(text: str, most: int) -> bytes:
    """The bytes; none for what is too long or not base64url."""
    if len(text) > most:
        return b""
    try:
        return b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""
