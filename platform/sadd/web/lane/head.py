"""The head of a request as the lane reads it: plain, or none of its business.

httptools parses. Then the head must be spelled in the one plain way: HTTP/1.1, printable ASCII, one CRLF a
line, single spaces, no field that changes where a request ends. A head that is not gives None: then nobody
but aiohttp may say where the next request begins.
"""

from collections.abc import Mapping

import msgspec
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

END = b"\r\n\r\n"

LENGTH_DIGITS_MAX = 9
"""Of a Content-Length: bodies are bounded far below a gigabyte, and more digits are a trick."""

_PLAIN_BYTES = bytes(range(0x20, 0x7F)) + b"\r\n"

# With one of these, or with two fields of one name, aiohttp's own reading is asked for where the request
# ends or whether the connection stays what it is.
_FRAMING = frozenset({b"transfer-encoding", b"upgrade", b"http2-settings"})

# With one of these the request ends where it seems to, but its answer depends on more than the lane reads.
_UNUSUAL = frozenset(
    {b"expect", b"content-encoding", b"range", b"te", b"trailer", b"if-match", b"if-none-match"}
    | {b"if-modified-since", b"if-unmodified-since", b"if-range", b"sec-websocket-key1"}
    # These are taken out before a head is read, unless there is something odd about them.
    | {b"x-request-id", b"traceparent", b"sadd-session"}
)

_REQUEST_ID = b"\r\nx-request-id: "
_TRACEPARENT = b"\r\ntraceparent: "
_SESSION = b"\r\nsadd-session: "
_GRAPHIC = bytes(range(0x21, 0x7F))

_JSON = frozenset(
    {b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"}
)


class Head(msgspec.Struct, frozen=True):
    """What a plain head says. A struct since one may be made for each request."""

    line: bytes
    """Method, space, target: ``POST /v1/limits/check``."""
    length: int
    """Bytes of the body."""
    usual: bool
    """Nothing in it keeps the lane from answering."""
    json: bool
    """The body says that it is JSON."""
    authorization: str | None
    fields: Mapping[bytes, bytes]
    """All fields, by their names in small letters. None is there twice."""


class _Ended:
    """Takes what httptools calls back with: that the head is complete."""

    __slots__ = ("once",)

    def __init__(self) -> None:
        self.once = False

    def on_headers_complete(self) -> None:
        self.once = True


def read_head(raw: bytes, fields_max: int) -> Head | None:
    """The head that these bytes are, up to and with the empty line; None if they are not a plain one."""
    if not _is_plain(raw) or not _is_http(raw):
        return None
    first, *lines, _, _ = raw.split(b"\r\n")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b": ")
        if not colon or b":" in name:  # a colon without its space came first
            return None
        fields[name.lower()] = value
    words = first.split(b" ")
    length = fields.get(b"content-length", b"0")
    if (
        len(fields) != len(lines)  # one is there twice
        or len(lines) > fields_max
        or len(words) != 3
        or words[2] != b"HTTP/1.1"
        or words[0] == b"CONNECT"
        or not _FRAMING.isdisjoint(fields)
        or b"host" not in fields
        or not length.isdigit()
        or len(length) > LENGTH_DIGITS_MAX
    ):
        return None
    authorization = fields.get(b"authorization")
    return Head(
        first[: -len(b" HTTP/1.1")],
        int(length),
        _UNUSUAL.isdisjoint(fields) and fields.get(b"connection", b"keep-alive").lower() == b"keep-alive",
        fields.get(b"content-type") in _JSON,
        None if authorization is None else authorization.decode(),
        fields,
    )


def _is_http(raw: bytes) -> bool:
    ended = _Ended()
    try:
        HttpRequestParser(ended).feed_data(raw)
    except (HttpParserError, HttpParserUpgrade):
        return False
    return ended.once


def _is_plain(raw: bytes) -> bool:
    """No byte and no space that is read in more than one way: then each line is a field, as httptools has it.

    Such are NUL, tab, a bare CR or LF, folding, no space after the colon or two, and one at a line's end.
    """
    return (
        raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
        and not raw.translate(None, _PLAIN_BYTES)
        and b" \r\n" not in raw
        and b"\r\n " not in raw
        and b":  " not in raw
    )


class Marks(msgspec.Struct, frozen=True):
    """What differs with each request in heads that are otherwise the same."""

    rest: bytes
    """The head without these lines."""
    request_id: str | None
    traceparent: str | None
    session: str | None
    """Its id: each visitor has another one, and none is to be remembered."""


def take_marks(raw: bytes) -> Marks:
    """Take the request id, the trace and the session out of a head, so that the rest may be one that was seen
    before."""
    small = raw.lower()
    session, request_id, traceparent, rest = None, None, None, raw
    if (at := small.find(_SESSION)) >= 0:
        rest, session = _without(rest, at, _SESSION)
        small = small if session is None else small[:at] + small[small.find(b"\r\n", at + 2) :]
    if (at := small.find(_TRACEPARENT)) >= 0:
        rest, traceparent = _without(rest, at, _TRACEPARENT)
        small = rest.lower()
    if (at := small.find(_REQUEST_ID)) >= 0:
        rest, request_id = _without(rest, at, _REQUEST_ID)
    return Marks(rest, request_id, traceparent, session)


def _without(raw: bytes, at: int, name: bytes) -> tuple[bytes, str | None]:
    """The head without the line of this field at ``at``, and its value if it is one plain word."""
    end = raw.find(b"\r\n", at + 2)
    value = raw[at + len(name) : end]
    if not value or value.translate(None, _GRAPHIC):
        return raw, None
    return raw[:at] + raw[end:], value.decode()
