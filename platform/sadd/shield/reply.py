"""The head of an origin's answer, read in one way or not at all."""

import re

import msgspec

from sadd.shield.framing import Body, Chunked, Open, Sized
from sadd.shield.head import LENGTH_DIGITS_MAX, Fields

HEAD_BYTES_MAX = 65_536
FIELDS_MAX = 256

_FIRST = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE_BYTES = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
_BODILESS = (204, 304)


class BadAnswer(Exception):
    """The origin does not speak HTTP/1.1 as we understand it."""


class ReplyHead(msgspec.Struct, frozen=True):
    """What an answer says before its body."""

    status: int
    fields: Fields
    length: int | None
    """Of the body, where the head tells it."""
    chunked: bool
    keeps_open: bool

    def get(self, name: bytes) -> bytes | None:
        found = [value for known, value in self.fields if known == name]
        return b", ".join(found) if found else None

    def body(self, method: bytes) -> Body:
        """How the end of the body is found, for the answer to a request of this method."""
        if method == b"HEAD" or self.status in _BODILESS or self.status < 200:
            return Sized(0)
        if self.chunked:
            return Chunked()
        return Open() if self.length is None else Sized(self.length)


def read_reply(raw: bytes) -> ReplyHead:
    """``raw`` is the head without the empty line. Raises BadAnswer."""
    first, *lines = raw.split(b"\r\n")
    words = _FIRST.fullmatch(first)
    if words is None or len(lines) > FIELDS_MAX:
        raise BadAnswer("no status line, or too many fields")
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name) or value.translate(None, _VALUE_BYTES):
            raise BadAnswer("a field that can be read in two ways")
        fields.append((name.lower(), value.strip(b" \t")))
    lengths = {value for name, value in fields if name == b"content-length"}
    codings = [value.lower() for name, value in fields if name == b"transfer-encoding"]
    options = b",".join(value.lower() for name, value in fields if name == b"connection")
    if len(lengths) > 1 or (codings and (lengths or codings != [b"chunked"])):
        raise BadAnswer("two lengths, or a coding that was not asked for")
    return ReplyHead(
        int(words[2]),
        tuple(fields),
        _length(lengths.pop()) if lengths else None,
        bool(codings),
        words[1] == b"1" and b"close" not in options,
    )


def _length(value: bytes) -> int:
    if not value.isdigit() or len(value) > LENGTH_DIGITS_MAX:
        raise BadAnswer("a length that is none")
    return int(value)
