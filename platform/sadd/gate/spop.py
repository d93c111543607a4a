"""The frames of HAProxy's Stream Processing Offload Protocol, version 2.0, as an agent reads and writes them.

After doc/SPOE.txt of HAProxy 2.6. A frame is its length (4 bytes), then type (1), flags (4), the numbers of
stream and frame (varints), and a payload. We announce pipelining, so answers may come in any order, and no
fragmentation, so each frame is whole. Pure: bytes in, values out; MalformedFrame for what is neither.
"""

import struct
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

LENGTH = struct.Struct(">I")
FRAME_BYTES_MAX = 65_532
"""HAProxy announces the size of its buffers, 16,380 unless set otherwise. What does not fit in a frame is not
asked, so a visitor with a large head would pass: this leaves room for buffers of 64 KiB."""
FRAME_BYTES_MIN = 256

HELLO, DISCONNECT, NOTIFY = 1, 2, 3
AGENT_HELLO, AGENT_DISCONNECT, ACK = 101, 102, 103

NORMAL, TOO_BIG, INVALID, NO_VERSION, BAD_SIZE = 0, 3, 4, 8, 9
"""Statuses of a disconnection (section 3.3)."""

_FIN = 1
_TRUE = 0x10
_SET_VAR, _TRANSACTION = 1, 2

Value = str | int | bool | bytes | None


class MalformedFrame(Exception):
    """What came is no frame of this protocol."""


class Frame(NamedTuple):
    kind: int
    stream: int
    frame: int
    payload: bytes


def parsed(body: bytes) -> Frame:
    """A frame without its length."""
    if len(body) < 7:
        raise MalformedFrame("too short")
    if not body[4] & _FIN:  # the last of four bytes of flags
        raise MalformedFrame("fragmented")
    stream, at = _varint(body, 5)
    frame, at = _varint(body, at)
    return Frame(body[0], stream, frame, body[at:])


def pairs(payload: bytes, at: int = 0) -> dict[str, Value]:
    """A list of keys and values that goes to the end of the payload."""
    found: dict[str, Value] = {}
    while at < len(payload):
        name, at = _text(payload, at)
        found[name], at = _value(payload, at)
    return found


def messages(payload: bytes) -> Iterator[tuple[str, dict[str, Value]]]:
    """The messages of a NOTIFY, each with its arguments by name."""
    at = 0
    while at < len(payload):
        name, at = _text(payload, at)
        if at >= len(payload):
            raise MalformedFrame("cut off")
        count, at = payload[at], at + 1
        arguments: dict[str, Value] = {}
        for _ in range(count):
            argument, at = _text(payload, at)
            arguments[argument], at = _value(payload, at)
        yield name, arguments


def hello(frame_bytes_max: int) -> bytes:
    """Our side of the handshake."""
    said = _pair("version", "2.0") + _pair("max-frame-size", frame_bytes_max)
    return _framed(AGENT_HELLO, 0, 0, said + _pair("capabilities", "pipelining"))


def disconnect(status: int, message: str) -> bytes:
    return _framed(AGENT_DISCONNECT, 0, 0, _pair("status-code", status) + _pair("message", message))


def ack(stream: int, frame: int, variables: Mapping[str, str | int]) -> bytes:
    """The answer to a NOTIFY: variables of the transaction."""
    head = bytes((_SET_VAR, 3, _TRANSACTION))
    payload = b"".join([head + _pair(name, value) for name, value in variables.items()])
    return _framed(ACK, stream, frame, payload)


def varint(number: int) -> bytes:
    """HAProxy's own form: one byte below 240, else four bits there and seven in each byte that follows."""
    if number < 240:
        return bytes((number,))
    encoded = [(number & 15) | 240]
    number = (number - 240) >> 4
    while number >= 128:
        encoded.append((number & 127) | 128)
        number = (number - 128) >> 7
    encoded.append(number)
    return bytes(encoded)


def _framed(kind: int, stream: int, frame: int, payload: bytes) -> bytes:
    body = bytes((kind, 0, 0, 0, _FIN)) + varint(stream) + varint(frame) + payload
    return LENGTH.pack(len(body)) + body


def _pair(name: str, value: str | int) -> bytes:
    if isinstance(value, int):
        return _named(name) + b"\x03" + varint(value)  # UINT32
    return _named(name) + b"\x08" + _named(value)


def _named(text: str) -> bytes:
    encoded = text.encode()
    return varint(len(encoded)) + encoded


def _varint(body: bytes, at: int) -> tuple[int, int]:
    try:
        number = body[at]
        at += 1
        if number < 240:
            return number, at
        shift = 4
        while True:
            byte = body[at]
            at += 1
            number += byte << shift
            shift += 7
            if byte < 128:
                return number, at
            if shift > 63:
                raise MalformedFrame("a number without an end")
    except IndexError:
        raise MalformedFrame("cut off") from None


def _bytes(body: bytes, at: int, length: int) -> tuple[bytes, int]:
    if at + length > len(body):
        raise MalformedFrame("cut off")
    return body[at : at + length], at + length


def _text(body: bytes, at: int) -> tuple[str, int]:
    length, at = _varint(body, at)
    raw, at = _bytes(body, at, length)
    return raw.decode("utf-8", "surrogateescape"), at


def _value(body: bytes, at: int) -> tuple[Value, int]:
    (head,), at = _bytes(body, at, 1)
    kind = head & 15
    if kind == 0:
        return None, at
    if kind == 1:
        return bool(head & _TRUE), at
    if kind in (2, 3, 4, 5):
        return _varint(body, at)
    if kind == 6:
        raw, at = _bytes(body, at, 4)
        return str(IPv4Address(raw)), at
    if kind == 7:
        raw, at = _bytes(body, at, 16)
        return str(IPv6Address(raw)), at
    if kind == 8:
        return _text(body, at)
    if kind == 9:
        length, at = _varint(body, at)
        return _bytes(body, at, length)
    raise MalformedFrame(f"a value of type {kind}")
