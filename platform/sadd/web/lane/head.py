"""The head of a request as the lane reads it: plain, or none of its business.

httptools parses. Then the head must be spelled in the one plain way: HTTP/1.1, printable ASCII, one CRLF a
line, single spaces, no field that changes where a request ends. A head that is not gives None: then nobody
but aiohttp may say where the next request begins.
"""

import msgspec
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

END = b"\r\n\r\n"

LENGTH_DIGITS_MAX = 9
"""Of a Content-Length: bodies are bounded far below a gigabyte, and more digits are a trick."""

_PLAIN_BYTES = bytes(range(0x20, 0x7F)) + b"\r\n"

# With one of these, or with two fields of one name, aiohttp's own reading is asked for where the request
# ends or whether the connection stays what it is.
_FRAMING = frozenset({"transfer-encoding", "upgrade", "http2-settings"})

# With one of these the request ends where it seems to, but its answer depends on more than the lane reads.
_UNUSUAL = frozenset(
    {"expect", "content-encoding", "range", "te", "trailer", "if-match", "if-none-match"}
    | {"if-modified-since", "if-unmodified-since", "if-range", "sec-websocket-key1"}
    # These are taken out before a head is read, unless there is something odd about them.
    | {"x-request-id", "traceparent"}
)

_REQUEST_ID = b"\r\nx-request-id: "
_TRACEPARENT = b"\r\ntraceparent: "
_GRAPHIC = bytes(range(0x21, 0x7F))

_JSON = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"})


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


class _Parsed:
    """Takes what httptools calls back with."""

    __slots__ = ("complete", "fields", "target")

    def __init__(self) -> None:
        self.complete = False
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.complete = True


def read_head(raw: bytes, fields_max: int) -> Head | None:
    """The head that these bytes are, up to and with the empty line; None if they are not a plain one."""
    parsed = _Parsed()
    parser = HttpRequestParser(parsed)
    try:
        parser.feed_data(raw)
    except (HttpParserError, HttpParserUpgrade):
        return None
    line = parser.get_method() + b" " + parsed.target
    if (
        not parsed.complete
        or not raw.startswith(line + b" HTTP/1.1\r\n")
        or not _plain(raw, parsed, fields_max)
    ):
        return None
    fields = {name.decode().lower(): value.decode() for name, value in parsed.fields}
    length = fields.get("content-length", "0")
    if (
        len(fields) != len(parsed.fields)
        or not _FRAMING.isdisjoint(fields)
        or "host" not in fields
        or not length.isdigit()
        or len(length) > LENGTH_DIGITS_MAX
        or line.startswith(b"CONNECT ")
    ):
        return None
    return Head(
        line=line,
        length=int(length),
        usual=_UNUSUAL.isdisjoint(fields) and fields.get("connection", "keep-alive").lower() == "keep-alive",
        json=fields.get("content-type") in _JSON,
        authorization=fields.get("authorization"),
    )


class Marks(msgspec.Struct, frozen=True):
    """What differs with each request in heads that are otherwise the same."""

    rest: bytes
    """The head without these two lines."""
    request_id: str | None
    traceparent: str | None


def take_marks(raw: bytes) -> Marks:
    """Take the request id and the trace out of a head, so that the rest may be one that was seen before."""
    rest, request_id = _without(raw, _REQUEST_ID)
    rest, traceparent = _without(rest, _TRACEPARENT)
    return Marks(rest, request_id, traceparent)


def _without(raw: bytes, name: bytes) -> tuple[bytes, str | None]:
    """The head without the one line of this field, and its value if it is one plain word."""
    at = raw.lower().find(name)
    if at < 0:
        return raw, None
    end = raw.find(b"\r\n", at + 2)
    value = raw[at + len(name) : end]
    if not value or value.translate(None, _GRAPHIC):
        return raw, None
    return raw[:at] + raw[end:], value.decode()


def _plain(raw: bytes, parsed: _Parsed, fields_max: int) -> bool:
    """One line a field and no byte that is read in more than one way (NUL, tab, bare CR or LF, folding)."""
    fields = len(parsed.fields)
    lines = fields + 2  # the request line, and the empty one at the end
    return (
        fields <= fields_max
        and raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n") == lines
        and not raw.translate(None, _PLAIN_BYTES)
        and b" \r\n" not in raw
    )
