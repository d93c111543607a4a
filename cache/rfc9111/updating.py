"""What is kept, brought up to date by an answer without a body (RFC 9111, sections 3.2 and 4.3.4)."""

from dataclasses import dataclass

from cache.rfc9111.conditions import strongly_equal, weakly_equal
from cache.rfc9111.fields import Fields, elements, first
from cache.rfc9111.message import Request, Response
from cache.rfc9111.policy import Policy
from cache.rfc9111.stored import Stored
from cache.rfc9111.storing import HOP, NotStorable, Storable, storable
from cache.rfc9111.vary import vary_names

UNTOUCHED = HOP | {b"content-encoding", b"content-type", b"content-length", b"content-range"}
"""Of the bytes that we have, which did not change (section 3.2)."""


@dataclass(frozen=True, slots=True)
class Merged:
    """``fields`` are the answer's from now on; ``kept`` says whether it may still be kept."""

    fields: Fields
    kept: Storable | NotStorable


def merge_304(stored: Stored, request: Request, response: Response, policy: Policy) -> Merged | None:
    """What is kept with the fields of a 304. None: that is not of ours, and nothing is to be kept of it.

    ``request`` is what the origin got, with our validators alone: so a 304 without any validator is of ours
    too, though section 4.3.4 knows that only of answers that had none. One that varies otherwise than before
    is not: its key would be another.
    """
    if response.status != 304 or not _is_of(stored, response.fields):
        return None
    if first(response.fields, b"vary") is not None and vary_names(response.fields) != _told(stored):
        return None
    fields = _updated(stored, response)
    whole = Response(stored.status, fields, response.asked_ms, response.came_ms)
    asked = Request(b"GET", request.target, request.fields, request.personal)
    return Merged(fields, storable(asked, whole, policy))


def _updated(stored: Stored, response: Response) -> Fields:
    skipped = UNTOUCHED | {name.lower() for name in elements(response.fields, b"connection")}
    if _is_weaker(first(response.fields, b"etag"), stored.etag):
        skipped |= {b"etag"}
    told = tuple(field for field in response.fields if field[0] not in skipped)
    # An old Date would make a renewed answer look old at once (section 4.2.3).
    replaced = {name for name, _ in told} | {b"date"}
    return (*(field for field in stored.fields if field[0] not in replaced), *told)


def _is_of(stored: Stored, fields: Fields) -> bool:
    """Section 4.3.4: a strong validator chooses strongly, a weak one weakly."""
    etag = first(fields, b"etag")
    if etag is not None:
        return (
            weakly_equal(etag, stored.etag) if etag.startswith(b"W/") else strongly_equal(etag, stored.etag)
        )
    changed = first(fields, b"last-modified")
    return changed is None or stored.last_modified in (None, changed)


def _is_weaker(theirs: bytes | None, ours: bytes | None) -> bool:
    return theirs is not None and theirs.startswith(b"W/") and (ours or b"").startswith(b'"')


def _told(stored: Stored) -> tuple[bytes, ...]:
    """What its own Vary said, without what we added (see ``vary_names``)."""
    own = vary_names(tuple(field for field in stored.fields if field[0] == b"vary"))
    return own if own is not None else ()
