"""The ticket: a signed statement of a place, so that the server keeps nothing for whoever waits.

It is not a JWT: a ticket is read on every poll, and fixed fields under one HMAC take a tenth of a JWT's time
and 40% of its length. The version byte names the algorithm too, so there is none to choose; every field has
a fixed length or says it, so none can run into its neighbour::

    version 2 | key id 4 | number 8 | holder 16 | length 1 | lane | length 1 | room | HMAC-SHA-256, 16 of 32

all big-endian, then base64url without padding. All of a place follows from its number: the holder is a keyed
hash of it, so a resume code, which is but the number with a proof, gives the very same place back.
"""

import binascii
import hmac
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from msgspec import Struct

from queueing.resume import MARK_BITS, read_code, write_code

VERSION = 2
VERSION_BYTE = bytes((VERSION,))
KEY_ID_BYTES = 4
HOLDER_BYTES = 16
MAC_BYTES = 16
NUMBER_AT, HOLDER_AT = 1 + KEY_ID_BYTES, 1 + KEY_ID_BYTES + 8
HEAD_BYTES = HOLDER_AT + HOLDER_BYTES
TEXT_MAX = 400
PURPOSE = b"sadd queue ticket\0"
HOLDER_PURPOSE = b"sadd queue place\0"
CODE_PURPOSE = b"sadd queue resume code\0"
PASS_PURPOSE = b"sadd queue pass\0"
PASS_ID_MARK_BYTES = 12


class InvalidTicket(Exception):
    """Not a ticket of this room: forged, foreign, damaged, or signed by a key that is no longer known."""


@dataclass(frozen=True, slots=True)
class TicketKeys:
    """Key id (8 hex digits) to secret. ``current`` signs, all of them are accepted."""

    current: str
    secrets: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if self.current not in self.secrets:
            raise ValueError("the current ticket key is not among the secrets")
        for key_id, secret in self.secrets.items():
            if len(bytes.fromhex(key_id)) != KEY_ID_BYTES or len(secret) < 32:
                raise ValueError(f"ticket key {key_id!r}: an id has 8 hex digits, a secret 32 bytes")


class Ticket(Struct, frozen=True):
    """A place. ``holder`` says nothing of anybody. A struct since one is made for each request."""

    room: str
    number: int
    holder: bytes
    lane: str = ""

    def pass_id(self, start_ms: int) -> str:
        """The one pass of the stay that began then: a retried claim finds the same without a record of it.

        Number and start can be read in it, so that the end of a session finds the slot; only who knows the
        holder could make one up.
        """
        head = self.number.to_bytes(6, "big") + start_ms.to_bytes(6, "big")
        mark = sha256(PASS_PURPOSE + _place(self.room, self.lane, self.number) + head + self.holder).digest()
        return urlsafe_b64encode(head + mark[:PASS_ID_MARK_BYTES]).decode()


class TicketOffice:
    """Makes tickets from numbers, signs and reads them."""

    def __init__(self, keys: TicketKeys) -> None:
        self.renew(keys)

    def renew(self, keys: TicketKeys) -> None:
        """After a rotation: these keys and no others are in force from now on."""
        self._current = bytes.fromhex(keys.current)
        self._secrets = {bytes.fromhex(key_id): secret for key_id, secret in keys.secrets.items()}

    def make(self, room: str, lane: str, number: int) -> Ticket:
        """The place of a number that was just handed out."""
        return Ticket(room, number, _holder(self._secrets[self._current], room, lane, number), lane)

    def sign(self, ticket: Ticket) -> str:
        body = b"".join(
            (
                VERSION_BYTE,
                self._current,
                ticket.number.to_bytes(8, "big"),
                ticket.holder,
                _line(ticket.lane, ticket.room),
            )
        )
        mac = _mac(self._secrets[self._current], body)
        return urlsafe_b64encode(body + mac).rstrip(b"=").decode()

    def read(self, text: str, room: str) -> Ticket:
        """The ticket, if it is one for ``room``. Raises InvalidTicket, which does not say what was wrong."""
        raw = _decoded(text)
        body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        secret = self._secrets.get(body[1 : 1 + KEY_ID_BYTES])
        if len(body) < HEAD_BYTES + 2 or body[0] != VERSION or secret is None:
            raise InvalidTicket
        if not hmac.compare_digest(mac, _mac(secret, body)):
            raise InvalidTicket
        ticket = _parsed(body)
        if ticket.room != room:
            raise InvalidTicket
        return ticket

    def code(self, ticket: Ticket) -> str:
        """The resume code of the place. Raises InvalidTicket when the key that made the place is retired."""
        for secret in self._secrets.values():
            if _holder(secret, ticket.room, ticket.lane, ticket.number) == ticket.holder:
                mark = _code_mark(secret, ticket.room, ticket.lane, ticket.number)
                return write_code(ticket.number, mark)
        raise InvalidTicket

    def resumed(self, room: str, lanes: Iterable[str], code: str) -> Ticket:
        """The ticket of the place that a code of this room stands for. Raises InvalidTicket."""
        read = read_code(code)
        if read is None:
            raise InvalidTicket
        number, mark = read
        shown = mark.to_bytes(8, "big")
        for lane in lanes:
            for secret in self._secrets.values():
                if hmac.compare_digest(_code_mark(secret, room, lane, number).to_bytes(8, "big"), shown):
                    return Ticket(room, number, _holder(secret, room, lane, number), lane)
        raise InvalidTicket

    def of_pass(self, room: str, lanes: Iterable[str], pass_id: str) -> tuple[Ticket, int] | None:
        """The place and the start (ms) of the stay that a pass is of; None if it is none of the room's."""
        try:
            raw = urlsafe_b64decode(pass_id)
        except (binascii.Error, ValueError):
            return None
        number, start_ms = int.from_bytes(raw[:6], "big"), int.from_bytes(raw[6:12], "big")
        for lane in lanes:
            for secret in self._secrets.values():
                ticket = Ticket(room, number, _holder(secret, room, lane, number), lane)
                if hmac.compare_digest(ticket.pass_id(start_ms).encode(), pass_id.encode()):
                    return ticket, start_ms
        return None


def _mac(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, PURPOSE + body, "sha256")[:MAC_BYTES]


def _place(room: str, lane: str, number: int) -> bytes:
    """Each field has a fixed length or says it."""
    return _line(room, lane) + number.to_bytes(8, "big")


@lru_cache(maxsize=1024)
def _line(*names: str) -> bytes:
    return b"".join(bytes((len(each),)) + each for each in (name.encode() for name in names))


def _holder(secret: bytes, room: str, lane: str, number: int) -> bytes:
    return hmac.digest(secret, HOLDER_PURPOSE + _place(room, lane, number), "sha256")[:HOLDER_BYTES]


def _code_mark(secret: bytes, room: str, lane: str, number: int) -> int:
    digest = hmac.digest(secret, CODE_PURPOSE + _place(room, lane, number), "sha256")
    return int.from_bytes(digest[:8], "big") >> (64 - MARK_BITS)


def _decoded(text: str) -> bytes:
    if len(text) > TEXT_MAX:
        raise InvalidTicket
    try:
        return b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as broken:
        raise InvalidTicket from broken


def _parsed(body: bytes) -> Ticket:
    """The fields of a body whose signature was right."""
    lane_ends = HEAD_BYTES + 1 + body[HEAD_BYTES]
    return Ticket(
        room=body[lane_ends + 1 : lane_ends + 1 + body[lane_ends]].decode(),
        number=int.from_bytes(body[NUMBER_AT:HOLDER_AT], "big"),
        holder=body[HOLDER_AT:HEAD_BYTES],
        lane=body[HEAD_BYTES + 1 : lane_ends].decode(),
    )
