"""The frames of HTTP/2: their kinds and flags, the errors, and those frames that we send. RFC 9113 §6, §7."""

from struct import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10)
)

END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITISED = 0x20

NO_ERROR = 0x0
PROTOCOL_ERROR = 0x1
INTERNAL_ERROR = 0x2
FLOW_CONTROL_ERROR = 0x3
FRAME_SIZE_ERROR = 0x6
REFUSED_STREAM = 0x7
CANCEL = 0x8
COMPRESSION_ERROR = 0x9
ENHANCE_YOUR_CALM = 0xB

HEADER_TABLE_SIZE = 1
ENABLE_PUSH = 2
MAX_CONCURRENT_STREAMS = 3
INITIAL_WINDOW_SIZE = 4
MAX_FRAME_SIZE = 5
MAX_HEADER_LIST_SIZE = 6

HEAD_BYTES = 9
FRAME_BYTES_MAX = 16_384
"""Of a payload; the least that each side must take, and all that we take."""
WINDOW_FIRST_BYTES = 65_535
WINDOW_BYTES_MAX = 2**31 - 1
STREAM_ID_MAX = 2**31 - 1

_HEAD = Struct(">HBBBI")  # the length is 24 bits long: 16 and 8
_SETTING = Struct(">HI")
_WORD = Struct(">I")
_TWO_WORDS = Struct(">II")

SETTINGS_ACK = _HEAD.pack(0, 0, SETTINGS, ACK, 0)


class Fault(Exception):
    """The peer broke the protocol or a bound: the connection ends, with this code and word in its GOAWAY."""

    def __init__(self, code: int, word: str) -> None:
        super().__init__(word)
        self.code = code
        self.word = word


def frame(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    return _HEAD.pack(len(payload) >> 8, len(payload) & 0xFF, kind, flags, stream_id) + payload


def settings(values: dict[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(*item) for item in values.items()))


def settings_of(payload: bytes) -> list[tuple[int, int]]:
    """The settings of a payload whose length is a multiple of six."""
    return list(_SETTING.iter_unpack(payload))


def window_update(stream_id: int, added_bytes: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream_id, _WORD.pack(added_bytes))


def rst_stream(stream_id: int, code: int) -> bytes:
    return frame(RST_STREAM, 0, stream_id, _WORD.pack(code))


def ping(payload: bytes, flags: int = 0) -> bytes:
    return frame(PING, flags, 0, payload)


def goaway(last_stream_id: int, code: int, word: str = "") -> bytes:
    return frame(GOAWAY, 0, 0, _TWO_WORDS.pack(last_stream_id, code) + word.encode())


def word_of(payload: bytes) -> int:
    """The 31 bits of a payload of four bytes."""
    return int.from_bytes(payload, "big") & 0x7FFF_FFFF


def unpadded(flags: int, payload: bytes) -> bytes:
    """What the padding and, in a HEADERS frame, the priority surround. Raises Fault."""
    begin, padding = 0, 0
    if flags & PADDED:
        if not payload:
            raise Fault(FRAME_SIZE_ERROR, "a padded frame without its length of padding")
        begin, padding = 1, payload[0]
    if flags & PRIORITISED:
        begin += 5
    if begin + padding > len(payload):
        raise Fault(PROTOCOL_ERROR, "more padding than payload")
    return payload[begin : len(payload) - padding]
