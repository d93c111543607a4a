"""The head of a request, read in one way or refused.

Whatever two readers could take for two different requests is refused with 400 and the connection ends, since
nobody can say where the next request begins: both lengths, a length twice, another coding than ``chunked``,
bare line ends, folded lines, spaces before a colon, control bytes (RFC 9112 §2.2, §5, §6; §11.2).
"""

import re
from collections.abc import Iterator

import msgspec

from sadd.web.problem import Problem, malformed_http

Fields = tuple[tuple[bytes, bytes], ...]
"""Names in small letters, in the order in which they came."""

END = b"\r\n\r\n"
FIELDS_MAX = 100
LENGTH_DIGITS_MAX = 15

_FIRST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP/1\.([01])")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(rb"([a-z0-9](?:[a-z0-9._-]{0,252}[a-z0-9])?)(?::([0-9]{1,5}))?")
VALUE_BYTES = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
_NOT_IN_PATH = re.compile(
    rb"""[\\#<>"\x60{}]|%(?![0-9a-f]{2})|%[01][0-9a-f]|%7f|%2f|%5c|(?:^|/)(?:\.|%2e){1,2}(?:[;/]|$)""", re.I
)
"""Backslash, control bytes, encoded separators and dot segments: origins differ in what they make of them,
and one page by two names is how a private page comes to lie under a public name.
"""
_KEEPS_OUT = frozenset(
    b"host content-length transfer-encoding authorization cookie cache-control set-cookie vary range "
    b"content-type accept accept-encoding origin".split()
)
"""Fields that ``Connection`` must not name: a hop that dropped them would ask for something else."""


class Head(msgspec.Struct, frozen=True):
    """What a request says before its body."""

    method: bytes
    target: bytes
    """Path and query, byte for byte as sent."""
    host: bytes
    """In small letters, without a port."""
    fields: Fields
    length: int | None
    """Bytes of the body; None: it comes in chunks."""
    is_old: bool
    """HTTP/1.0: no chunks may be sent to it."""
    keeps_open: bool
    upgrades: bool
    """To the WebSocket protocol; to any other nobody does."""
    expects: bool
    """To be told that its body is wanted."""
    size: int
    """Bytes of the head itself."""

    def get(self, name: bytes) -> bytes | None:
        """The field's lines as one list; None if there is none."""
        found = [value for known, value in self.fields if known == name]
        return b", ".join(found) if found else None

    @property
    def has_body(self) -> bool:
        return self.length != 0

    @property
    def path(self) -> bytes:
        return self.target.partition(b"?")[0]


class Unreadable(Exception):
    """The request is refused with this problem, and its connection ends."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def read_head(raw: bytes) -> Head:
    """The head that ``raw`` is, up to and with the empty line. Raises Unreadable."""
    first, *lines = raw[: -len(END)].split(b"\r\n")
    words = _FIRST.fullmatch(first)
    if words is None or len(lines) > FIELDS_MAX:
        raise _malformed("the request line, or too many fields")
    fields = tuple(_fields(lines))
    method, is_old = words[1], words[3] == b"0"
    host, target = _place(words[2], fields, method)
    named = _named(fields)
    upgrade = _one(fields, b"upgrade") or b""
    return Head(
        method,
        target,
        host,
        fields,
        _length(fields, is_old=is_old),
        is_old,
        b"close" not in named and (not is_old or b"keep-alive" in named),
        not is_old and b"upgrade" in named and upgrade.lower() == b"websocket",
        not is_old and (_one(fields, b"expect") or b"").lower() == b"100-continue",
        len(raw),
    )


def _fields(lines: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name) or value.translate(None, VALUE_BYTES):
            raise _malformed("a header field")
        yield name.lower(), value.strip(b" \t")


def _one(fields: Fields, name: bytes) -> bytes | None:
    found = [value for known, value in fields if known == name]
    if len(found) > 1:
        raise _malformed(f"{name.decode()} is there twice")
    return found[0] if found else None


def _named(fields: Fields) -> frozenset[bytes]:
    """What ``Connection`` names."""
    named = frozenset(
        option.strip(b" \t").lower()
        for name, value in fields
        if name == b"connection"
        for option in value.split(b",")
    )
    if named & _KEEPS_OUT:
        raise _malformed("Connection names a field that is not of the connection")
    return named


def _length(fields: Fields, *, is_old: bool) -> int | None:
    length, coding = _one(fields, b"content-length"), _one(fields, b"transfer-encoding")
    if coding is not None:
        if length is not None or is_old or coding.lower() != b"chunked":
            raise _malformed("the body's length is told in two ways, or in one that is not known here")
        return None
    if length is None:
        return 0
    if not length.isdigit() or len(length) > LENGTH_DIGITS_MAX:
        raise _malformed("Content-Length")
    return int(length)


def _place(target: bytes, fields: Fields, method: bytes) -> tuple[bytes, bytes]:
    """Host, and path with query. A whole URL is taken where it names the same host (RFC 9112 §3.2.2)."""
    told = (_one(fields, b"host") or b"").lower()
    host = _HOST.fullmatch(told)
    if host is None:
        raise _malformed("Host")
    if not target.startswith(b"/"):
        scheme, sign, rest = target.partition(b"://")
        authority, slash, path = rest.partition(b"/")
        if not sign or scheme.lower() not in (b"http", b"https") or authority.lower() != told:
            raise _malformed("the target is no path of this host")
        target = slash + path if slash else b"/"
    if method in (b"CONNECT", b"TRACE"):  # TRACE would show fields that only we and the client should see
        raise Unreadable(Problem(501, "not-implemented", "This method is not served here."))
    if _NOT_IN_PATH.search(target.partition(b"?")[0]) or b"#" in target:
        raise Unreadable(
            Problem(
                400,
                "ambiguous-path",
                "The path can be read in more than one way.",
                "It has an encoded separator, a dot segment, a backslash or a control byte in it.",
            )
        )
    return host[1].rstrip(b"."), target


def _malformed(what: str) -> Unreadable:
    problem = malformed_http()
    problem.detail = f"This cannot be read in one way: {what}."
    return Unreadable(problem)
