"""Header blocks: what call one begins. RFC 7541.

We tell the peer that our header table has no room. Once its encoder obeys, a block means the same wherever
it stands, so each block that was understood is remembered by its bytes. A block that is new, since it carries
a trace id, say, is skimmed instead of decoded: the few fields that matter are compared as they are on the
wire, and all others are skipped. Whatever the skimmer does not know goes to hpack.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from hpack import Decoder, HPACKError, OversizedHeaderListError
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

from sadd.grpc.frames import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, Fault
from sadd.grpc.status import Code, Method, Status

HEADER_LIST_BYTES_MAX = 16_384
"""Of the fields of one block, decoded, with 32 bytes added for each."""

BLOCKS_MAX = 64
"""Blocks that a connection remembers."""

BLOCK_BYTES_MAX = 1024
"""A longer block is not remembered; Envoy's are of 100 to 300 bytes."""

SKIMMED_FIELDS_MAX = 64

CALL_SECONDS_MAX = 30.0
"""The deadline of a call that brings none, or a later one."""

_UNIT_SECONDS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_INDEXED_POST = 0x83
_TABLE_SIZE_ZERO = 0x20
_DYNAMIC_FROM = 62
_PATH, _TYPE, _TIMEOUT, _ODD = "path", "type", "timeout", "odd"
_STATIC = {2: _ODD, 3: _ODD, 4: _PATH, 5: _PATH, 31: _TYPE}
_HUFFMAN = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


@dataclass(frozen=True, slots=True)
class Head:
    """What a header block says. ``refused`` is a status of gRPC, or one of HTTP, or None: go on."""

    method: Method
    timeout_seconds: float = CALL_SECONDS_MAX
    refused: Status | int | None = None


class Unskimmed(Exception):
    """The block has something in it that the skimmer leaves to hpack."""


class Service:
    """The methods of a server, and how their names look on the wire."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self.unknown = Method("unknown", None)
        self.methods = dict(methods)
        self.spelled = {
            spelling: method for path, method in methods.items() for spelling in _spellings(path.encode())
        }

    def head(self, fields: Mapping[bytes, bytes]) -> Head:
        """The call that decoded fields begin."""
        method = self.methods.get(fields.get(b":path", b"").decode("latin-1"), self.unknown)
        if fields.get(b":method") != b"POST":
            return Head(self.unknown, refused=405)
        if not _is_grpc(fields.get(b"content-type", b"")):
            return Head(self.unknown, refused=415)
        if method is self.unknown:
            return Head(method, refused=Status(Code.UNIMPLEMENTED, "no such method"))
        return _with_timeout(method, fields.get(b"grpc-timeout"))


def _with_timeout(method: Method, spelled: bytes | None) -> Head:
    seconds = CALL_SECONDS_MAX if spelled is None else seconds_of(spelled)
    if seconds is None:
        return Head(method, refused=Status(Code.INTERNAL, "malformed grpc-timeout"))
    return Head(method, min(seconds, CALL_SECONDS_MAX))


def seconds_of(spelled: bytes) -> float | None:
    """The seconds of a grpc-timeout: up to eight digits and a unit. None: it is none."""
    text = spelled.decode("latin-1")
    digits, unit = text[:-1], _UNIT_SECONDS.get(text[-1:])
    if unit is None or not (digits.isascii() and digits.isdigit()) or len(digits) > 8:
        return None
    return int(digits) * unit


def _is_grpc(content_type: bytes) -> bool:
    begin, rest = content_type[:16].lower(), content_type[16:]
    return begin == b"application/grpc" and (rest[:6] == b"+proto" or rest[:1] in {b"", b";"})


def _spellings(value: bytes) -> tuple[bytes, bytes]:
    """A string plainly and in Huffman's code, each with the octet of its length (below 127)."""
    coded = _HUFFMAN.encode(value)
    return bytes([len(value)]) + value, bytes([0x80 | len(coded)]) + coded


_NAMES = {
    spelling: field
    for name, field in {
        b":method": _ODD,
        b":path": _PATH,
        b"content-type": _TYPE,
        b"grpc-timeout": _TIMEOUT,
    }.items()
    for spelling in _spellings(name)
}
_TYPES = {
    spelling for value in (b"application/grpc", b"application/grpc+proto") for spelling in _spellings(value)
}


class Blocks:
    """The header blocks of one connection. Every one must come by, in order: hpack has a state."""

    __slots__ = ("_decoder", "_known", "_service", "_settled", "_stateless")

    def __init__(self, service: Service) -> None:
        self._service = service
        self._decoder = Decoder(max_header_list_size=HEADER_LIST_BYTES_MAX)
        self._known: dict[bytes, Head] = {}
        self._settled = self._stateless = False

    def settled(self) -> None:
        """The peer has taken our settings: the next block is to begin with a table of size 0."""
        self._settled = True

    def head(self, block: bytes) -> Head:
        """The call that the block begins. Raises Fault."""
        head = self._known.get(block)
        return self._learnt(block) if head is None else head

    def _learnt(self, block: bytes) -> Head:
        if not self._stateless:
            return self._decoded(block)
        try:
            head = skim(block, self._service)
        except (Unskimmed, IndexError):
            head = self._decoded(block)
        if len(block) <= BLOCK_BYTES_MAX:
            if len(self._known) >= BLOCKS_MAX:
                self._known.clear()
            self._known[block] = head
        return head

    def _decoded(self, block: bytes) -> Head:
        try:
            fields = self._decoder.decode(block, raw=True)
        except OversizedHeaderListError as error:
            raise Fault(ENHANCE_YOUR_CALM, "too many header fields") from error
        # hpack lets a few errors of Python out for blocks that end early.
        except (HPACKError, IndexError, ValueError) as error:
            raise Fault(COMPRESSION_ERROR, "a header block that cannot be decoded") from error
        if self._settled and not self._stateless and self._decoder.header_table_size == 0:
            self._stateless = True
            self._decoder.max_allowed_table_size = 0
        return self._service.head(dict(fields))


def skim(block: bytes, service: Service) -> Head:
    """The call that a block without state begins. Raises Unskimmed or IndexError: ask hpack."""
    at, end = 0, len(block)
    post = False
    found: dict[str, bytes] = {}
    for _ in range(SKIMMED_FIELDS_MAX):
        if at >= end:
            break
        lead = block[at]
        if lead & 0x80:
            if lead == _INDEXED_POST:
                post = True
            elif lead & 0x7F in _STATIC or lead & 0x7F >= _DYNAMIC_FROM:
                raise Unskimmed
            at += 1
            continue
        if lead & 0xE0 == _TABLE_SIZE_ZERO:
            if lead != _TABLE_SIZE_ZERO or found:
                raise Unskimmed
            at += 1
            continue
        field, at = _name(block, at, lead)
        begin = at
        at = _past_string(block, at)
        if field is not None:
            found[field] = block[begin:at]
    if at != end or not post or _ODD in found:
        raise Unskimmed
    return _head_of(found, service)


def _name(block: bytes, at: int, lead: int) -> tuple[str | None, int]:
    """Which field a literal is, and where its value begins."""
    mask = 0x3F if lead & 0x40 else 0x0F
    index = lead & mask
    at += 1
    if index == mask:
        index += block[at]
        if index >= mask + 0x80:
            raise Unskimmed
        at += 1
    if index >= _DYNAMIC_FROM:
        raise Unskimmed
    if index:
        return _STATIC.get(index), at
    begin = at
    at = _past_string(block, at)
    return _NAMES.get(block[begin:at]), at


def _past_string(block: bytes, at: int) -> int:
    """Where the string at ``at`` ends, if its length is told in one or two or three octets."""
    size = block[at] & 0x7F
    at += 1
    if size == 0x7F:
        more = block[at]
        size += more & 0x7F
        at += 1
        if more & 0x80:
            more = block[at]
            if more & 0x80:
                raise Unskimmed
            size += more << 7
            at += 1
    return at + size


def _head_of(found: Mapping[str, bytes], service: Service) -> Head:
    method = service.spelled.get(found.get(_PATH, b""))
    if method is None or found.get(_TYPE) not in _TYPES:
        raise Unskimmed
    spelled = found.get(_TIMEOUT)
    return Head(method) if spelled is None else _with_timeout(method, _plain(spelled))


@lru_cache(maxsize=256)
def _plain(spelled: bytes) -> bytes:
    """The value of a string as it is on the wire. Peers send the same few time-outs over and over."""
    try:
        (field,) = Decoder().decode(b"\x00\x01x" + spelled, raw=True)
    except HPACKError as error:
        raise Unskimmed from error
    return bytes(field[1])
