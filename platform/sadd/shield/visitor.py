"""Who asks, and what an origin is told of him. The gate's own trust decides whose word is taken."""

from sadd.gate.gate import Gate
from sadd.shield.fields import Multi
from sadd.shield.head import Fields, Head
from sadd.shield.hops import VIA

_SCHEMES = (b"http", b"https")


def scheme_of(head: Head, *, trusted: bool) -> str:
    """By which he reached the first proxy of ours: its word, if it is one of ours that calls."""
    told = (head.get(b"x-forwarded-proto") or b"").lower() if trusted else b""
    return told.decode() if told in _SCHEMES else "http"


def address_of(gate: Gate, peer: str, head: Head) -> str:
    return gate.visitor(peer, Multi(head.fields))


def told_of_all(head: Head, scheme: str) -> Fields:
    """What we tell an origin that is the same for all who ask for this URL."""
    return ((b"x-forwarded-proto", scheme.encode()), (b"x-forwarded-host", head.host), (b"via", VIA))


def told_of(head: Head, scheme: str, address: str, subject: str) -> Fields:
    """What we tell of one visitor, in the place of whatever he sent by these names."""
    own = ((b"x-forwarded-for", address.encode()), (b"x-sadd-subject", subject.encode()))
    return (*own, *told_of_all(head, scheme))
