"""Requests and answers in a few words, at a moment of 2026."""

from cache.rfc9111.dates import date_text
from cache.rfc9111.message import Request, Response
from cache.rfc9111.policy import Policy
from cache.rfc9111.stored import Stored
from cache.rfc9111.storing import Storable, storable

NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
PLAIN = Policy(keep_ms=0)


def lines(text: str) -> tuple[tuple[bytes, bytes], ...]:
    """``name: value`` a line."""
    found = (line.strip().partition(":") for line in text.strip().splitlines() if line.strip())
    return tuple((name.strip().lower().encode(), value.strip().encode("latin-1")) for name, _, value in found)


def get(fields: str = "", *, method: str = "GET", target: str = "/a", personal: bool = False) -> Request:
    return Request(method.encode(), target.encode(), lines(fields), personal)


def answered(fields: str, status: int = 200, *, took_ms: int = 0, dated: bool = True) -> Response:
    """An answer that came now, with the Date of now unless it has its own."""
    told = lines(fields)
    if dated and not any(name == b"date" for name, _ in told):
        told = (*told, (b"date", date_text(NOW_MS)))
    return Response(status, told, NOW_MS - took_ms, NOW_MS)


def kept(fields: str, status: int = 200, policy: Policy = PLAIN, request: Request | None = None) -> Stored:
    """What is kept of it; the test fails where nothing is."""
    found = storable(request or get(), answered(fields, status), policy)
    assert isinstance(found, Storable), found
    return found.stored
