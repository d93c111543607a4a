"""The other side of the agent's protocol: what a HAProxy writes and reads."""

import asyncio
from collections.abc import Mapping

from sadd.gate import spop
from sadd.gate.spop import Frame, Value, varint


def framed(kind: int, payload: bytes, stream: int = 0, frame: int = 0) -> bytes:
    body = bytes((kind, 0, 0, 0, 1)) + varint(stream) + varint(frame) + payload
    return spop.LENGTH.pack(len(body)) + body


def text(value: str) -> bytes:
    encoded = value.encode("utf-8", "surrogateescape")
    return varint(len(encoded)) + encoded


def pair(name: str, value: Value) -> bytes:
    if value is None:
        return text(name) + b"\x00"
    if isinstance(value, bool):
        return text(name) + (b"\x11" if value else b"\x01")
    if isinstance(value, int):
        return text(name) + b"\x03" + varint(value)
    if isinstance(value, bytes):
        return text(name) + b"\x09" + varint(len(value)) + value
    return text(name) + b"\x08" + text(value)


def pairs(values: Mapping[str, Value]) -> bytes:
    return b"".join(pair(name, value) for name, value in values.items())


def hello(**values: Value) -> bytes:
    told: dict[str, Value] = {
        "supported-versions": "2.0",
        "max-frame-size": 16380,
        "capabilities": "pipelining,async",
    }
    return framed(spop.HELLO, pairs({**told, **{n.replace("_", "-"): v for n, v in values.items()}}))


def notify(stream: int, **arguments: Value) -> bytes:
    payload = text("gate") + bytes((len(arguments),)) + pairs(arguments)
    return framed(spop.NOTIFY, payload, stream, 1)


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """The next frame; None at the end of the connection."""
    try:
        (length,) = spop.LENGTH.unpack(await reader.readexactly(4))
        return spop.parsed(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def variables(payload: bytes) -> dict[str, Value]:
    """The variables that an ACK sets."""
    found: dict[str, Value] = {}
    while payload:
        assert payload[:3] == b"\x01\x03\x02", "set-var, three arguments, of the transaction"
        one, rest = _first(payload[3:])
        found |= one
        payload = rest
    return found


def _first(payload: bytes) -> tuple[dict[str, Value], bytes]:
    """The first pair: the shortest head that is one."""
    for end in range(1, len(payload) + 1):
        try:
            return spop.pairs(payload[:end]), payload[end:]
        except spop.MalformedFrame:
            continue
    raise AssertionError("no pair")
