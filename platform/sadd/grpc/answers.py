"""The wire form of an answer: HEADERS, DATA, HEADERS, of which only the stream and the lengths vary."""

from functools import lru_cache
from struct import Struct
from urllib.parse import quote

from sadd.grpc.frames import END_HEADERS, END_STREAM, HEADERS, frame
from sadd.grpc.status import Status

PREFIX_BYTES = 5
"""Before each message: whether it is compressed, and its length."""
STATUS_TEXT_MAX = 512
"""Characters; more are cut off."""


def _literal(name: bytes, value: bytes) -> bytes:
    """A field that is in no table, spelled plainly. Both are shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


_STATUS_200 = b"\x88"  # static table, 8
_TYPE = b"\x0f\x10" + bytes([16]) + b"application/grpc"  # name from the static table, 31
_BEGIN = _STATUS_200 + _TYPE
_END = _literal(b"grpc-status", b"0")

_NO_COMPRESSION = _literal(b"grpc-accept-encoding", b"identity")
_PLAIN = " !\"#$&'()*+,-./:;<=>?@[]^_`{|}~"
"""What a status text shows as it is; all else is percent-encoded."""

_FLAGS_END = END_HEADERS | END_STREAM
_BEGIN_HEAD = frame(HEADERS, END_HEADERS, 0, _BEGIN)[:5]
_END_HEAD = frame(HEADERS, _FLAGS_END, 0, _END)[:5]

# HEADERS frame; length (16 and 8 bits), kind and flags, stream of the DATA frame; "not compressed", length.
_before = Struct(f">5sI{len(_BEGIN)}sHBHIBI").pack
_after = Struct(f">5sI{len(_END)}s").pack


def answer(stream_id: int, message: bytes) -> bytes:
    """A whole answer whose DATA fits one frame."""
    size = len(message)
    data = size + PREFIX_BYTES
    return (
        _before(_BEGIN_HEAD, stream_id, _BEGIN, data >> 8, data & 0xFF, 0, stream_id, 0, size)
        + message
        + _after(_END_HEAD, stream_id, _END)
    )


def beginning(stream_id: int) -> bytes:
    return _BEGIN_HEAD + stream_id.to_bytes(4, "big") + _BEGIN


def prefixed(message: bytes) -> bytes:
    """The message as DATA carries it."""
    return b"\x00" + len(message).to_bytes(4, "big") + message


def ending(stream_id: int) -> bytes:
    return _after(_END_HEAD, stream_id, _END)


def refusal(stream_id: int, status: Status) -> bytes:
    """An answer that is a status alone."""
    return frame(HEADERS, _FLAGS_END, stream_id, _status_block(status))


@lru_cache(maxsize=256)
def _status_block(status: Status) -> bytes:
    text = quote(status.message[:STATUS_TEXT_MAX], safe=_PLAIN).encode()
    code = _literal(b"grpc-status", str(int(status.code)).encode())
    # The text's length needs more than seven bits beyond 126 bytes: RFC 7541 §5.1.
    rest = len(text) - 127
    length = bytes([len(text)]) if rest < 0 else bytes([127]) + _seven_bits(rest)
    return _BEGIN + _NO_COMPRESSION + code + b"\x00\x0cgrpc-message" + length + text


def _seven_bits(number: int) -> bytes:
    spelled = bytearray()
    while number >= 0x80:
        spelled.append(number & 0x7F | 0x80)
        number >>= 7
    spelled.append(number)
    return bytes(spelled)


def http_refusal(stream_id: int, status: int) -> bytes:
    """The answer to what is no gRPC call: a status of HTTP, three digits, without a body."""
    block = b"\x08\x03" + str(status).encode()  # name from the static table, 8
    return frame(HEADERS, _FLAGS_END, stream_id, block)
