"""HPACK without state: the header block of a gRPC call as literals, and the status in a block of trailers."""

import hpack

POST, HTTP = b"\x83", b"\x86"  # :method POST and :scheme http in the static table
PATH, AUTHORITY = 4, 1
CONTENT_TYPE = 31
LITERAL_INDEX_MAX = 14  # larger ones need a second byte


def grpc_block(path: str, authority: str) -> bytes:
    """The same bytes for every call, so that a server may remember them."""
    return b"".join(
        (
            POST,
            HTTP,
            _literal(PATH, path),
            _literal(AUTHORITY, authority),
            _literal(CONTENT_TYPE, "application/grpc"),
            b"\x00" + _text("te") + _text("trailers"),
        )
    )


def _literal(index: int, value: str) -> bytes:
    first = bytes((index,)) if index <= LITERAL_INDEX_MAX else bytes((15, index - 15))
    return first + _text(value)


def _text(value: str) -> bytes:
    octets = value.encode()
    assert len(octets) < 127
    return bytes((len(octets),)) + octets


def grpc_status(block: bytes) -> int:
    """Of trailers; -1 when there is none. Right only for a block that needs no dynamic table."""
    for name, value in hpack.Decoder().decode(block, raw=True):
        if name == b"grpc-status":
            return int(value)
    return -1
