"""What an origin is asked when its answer may be kept for others.

A field that chose the answer but is not in its key is a way to give everybody what one visitor asked for
(cache poisoning), so an origin sees only what is keyed. An origin that answers by more says so in ``Vary``,
and is asked again with that field; the second answer is kept.
"""

from cache.rfc9111.fields import Fields, joined
from cache.rfc9111.message import Request
from cache.rfc9111.policy import Policy
from cache.rfc9111.stored import Stored
from cache.rfc9111.vary import normal_fields

CONDITIONS = (
    *(b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since"),
    *(b"if-range", b"range"),
)
ALWAYS = frozenset({b"accept-encoding"})
"""Keyed wherever it matters: a coded answer varies by it in any case."""
NEVER = frozenset({b"cookie", b"authorization", b"host", *CONDITIONS})
"""Not even where ``Vary`` names it: one visitor's own, or not of the whole answer."""


def bypass(request: Request) -> str:
    """Why this request is neither answered from what is kept nor kept; empty if it may.

    ``If-Match`` and ``If-Unmodified-Since`` are for the origin to judge (RFC 9111, section 4.3.2); a GET
    with a body is not what other caches and the origin take it for ("fat GET").
    """
    if request.method not in (b"GET", b"HEAD"):
        return "method"
    if request.personal:
        return "personal"
    names = {name for name, _ in request.fields}
    if b"if-match" in names or b"if-unmodified-since" in names:
        return "condition"
    if b"transfer-encoding" in names or (joined(request.fields, b"content-length") or b"0") != b"0":
        return "body"
    return ""


def fetch_fields(fields: Fields, keyed: tuple[bytes, ...], policy: Policy) -> Fields:
    """Those of a visitor's fields that go into a request whose answer is kept.

    ``keyed`` are the names that earlier answers of this URL varied by; () if none is known.
    """
    allowed = (ALWAYS | frozenset(keyed)) - NEVER
    return tuple(field for field in normal_fields(fields, policy) if field[0] in allowed)


def with_validators(fields: Fields, stored: Stored) -> Fields:
    """The same, asking whether what we have is still so (section 4.3.1)."""
    rest = tuple(field for field in fields if field[0] not in CONDITIONS)
    if stored.etag is not None:
        rest = (*rest, (b"if-none-match", stored.etag))
    if stored.last_modified is not None:
        rest = (*rest, (b"if-modified-since", stored.last_modified))
    return rest
