"""What is of one connection stays there; what tells where a request came from is told anew (RFC 9110 §7.6).

Pure. Neither a client's nor an origin's fields of a hop pass, nor those that ``Connection`` names.
"""

from collections.abc import Iterable

from sadd.shield.head import Fields

HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization "
    b"proxy-authentication-info te trailer transfer-encoding upgrade http2-settings".split()
)
TOLD_ANEW = frozenset(
    b"host content-length expect forwarded via x-real-ip x-client-ip true-client-ip cf-connecting-ip "
    b"x-original-url x-original-uri x-original-method x-rewrite-url x-accel max-forwards".split()
)
"""A visitor's own word on these would be taken for ours by an origin that trusts its proxy."""
_TOLD_BY_US = (b"x-forwarded-", b"x-sadd-")

VIA = b"1.1 sadd-shield"


def named_by_connection(fields: Fields) -> frozenset[bytes]:
    return frozenset(
        option.strip(b" \t").lower()
        for name, value in fields
        if name == b"connection"
        for option in value.split(b",")
    )


def end_to_end(fields: Fields) -> Fields:
    """Without those of the hop."""
    gone = HOP | named_by_connection(fields)
    return tuple(field for field in fields if field[0] not in gone)


def for_origin(fields: Fields) -> Fields:
    """A visitor's fields as far as an origin may see them."""
    return tuple(
        field
        for field in end_to_end(fields)
        if field[0] not in TOLD_ANEW and not field[0].startswith(_TOLD_BY_US)
    )


def is_loop(fields: Fields) -> bool:
    """The request has been here before: an origin of the catalogue is a shield itself."""
    return any(name == b"via" and VIA in value for name, value in fields)


def lines(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Header lines, each with its end."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
