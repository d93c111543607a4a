"""The receipt of an entry: what a visitor holds instead of a ticket until the draw gives him a number.

Signed like a ticket, with the same keys, and of fixed fields; the version tells the two apart::

    version 3 | key id 4 | draw 4 | index 8 | entry 32 | length 1 | room | HMAC-SHA-256, 16 of 32

all big-endian, then base64url without padding.
"""

import binascii
import hmac
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass

from queueing.draw.entry import ENTRY_BYTES, scope
from queueing.resume import MARK_BITS, read_code, write_code
from queueing.ticket import KEY_ID_BYTES, MAC_BYTES, TicketKeys

VERSION = 3
TEXT_MAX = 400
_ENTRY_AT = 1 + KEY_ID_BYTES + 4 + 8
_HEAD_BYTES = _ENTRY_AT + ENTRY_BYTES + 1
_PURPOSE = b"sadd queue entry\0"
_CODE_PURPOSE = b"sadd queue entry code\0"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Entry ``index`` of a room's draw is the holder's."""

    room: str
    draw: int
    index: int
    entry: bytes


class ReceiptOffice:
    """Signs receipts and reads them."""

    def __init__(self, keys: TicketKeys) -> None:
        self.renew(keys)

    def renew(self, keys: TicketKeys) -> None:
        """The keys in force from now on."""
        self._current = bytes.fromhex(keys.current)
        self._secrets = {bytes.fromhex(key_id): secret for key_id, secret in keys.secrets.items()}

    def sign(self, receipt: Receipt) -> str:
        room = receipt.room.encode()
        body = b"".join(
            (
                bytes((VERSION,)),
                self._current,
                receipt.draw.to_bytes(4, "big"),
                receipt.index.to_bytes(8, "big"),
                receipt.entry,
                bytes((len(room),)),
                room,
            )
        )
        return urlsafe_b64encode(body + _mac(self._secrets[self._current], body)).rstrip(b"=").decode()

    def read(self, text: str | None, room: str) -> Receipt | None:
        """The receipt, if it is one of ``room`` that is signed by a key in force."""
        raw = _decoded(text) if text else b""
        body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        secret = self._secrets.get(body[1 : 1 + KEY_ID_BYTES])
        if len(body) < _HEAD_BYTES or body[0] != VERSION or secret is None:
            return None
        if not hmac.compare_digest(mac, _mac(secret, body)) or body[_HEAD_BYTES:] != room.encode():
            return None
        return Receipt(
            room=room,
            draw=int.from_bytes(body[5:9], "big"),
            index=int.from_bytes(body[9:17], "big"),
            entry=body[_ENTRY_AT : _ENTRY_AT + ENTRY_BYTES],
        )

    def code(self, receipt: Receipt) -> str:
        """The resume code of the entry: the same receipt on another device."""
        secret = self._secrets[self._current]
        return write_code(receipt.index, _mark(secret, receipt.room, receipt.draw, receipt.index))

    def resumed(self, room: str, draw: int, code: str) -> int | None:
        """The index that a code of this draw stands for."""
        index, mark = read_code(code) or (0, -1)
        marks = (_mark(secret, room, draw, index) for secret in self._secrets.values())
        return index if any(hmac.compare_digest(f"{mark}", f"{known}") for known in marks) else None


def _mark(secret: bytes, room: str, draw: int, index: int) -> int:
    said = _CODE_PURPOSE + scope(room, draw) + index.to_bytes(8, "big")
    return int.from_bytes(hmac.digest(secret, said, "sha256")[:8], "big") >> (64 - MARK_BITS)


def _mac(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, _PURPOSE + body, "sha256")[:MAC_BYTES]


def _decoded(text: str) -> bytes:
    if len(text) > TEXT_MAX:
        return b""
    try:
        return b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""
