"""Preconditions that a cache judges itself (RFC 9110, section 13; RFC 9111, section 4.3.2)."""

from cache.rfc9111.dates import date_ms
from cache.rfc9111.fields import Fields, elements, first
from cache.rfc9111.stored import Stored

STRONG_AFTER_MS = 1000
"""A date is a strong validator if it was so old when the answer was made (RFC 9110, section 8.8.2.2)."""


def is_unmodified(fields: Fields, stored: Stored, now_ms: int) -> bool:
    """Whether the client has this already: its answer is 304. ``If-None-Match`` counts before the date."""
    if stored.status != 200:
        return False
    if first(fields, b"if-none-match") is not None:
        tags = tuple(elements(fields, b"if-none-match"))
        return tags == (b"*",) or any(weakly_equal(tag, stored.etag) for tag in tags)
    since = first(fields, b"if-modified-since")
    since_ms = date_ms(since, now_ms) if since is not None else None
    return since_ms is not None and _changed_ms(stored, now_ms) <= since_ms


def range_applies(fields: Fields, stored: Stored, now_ms: int) -> bool:
    """Whether a Range is of the very bytes that are here (``If-Range``, RFC 9110, section 13.1.5)."""
    value = first(fields, b"if-range")
    if value is None:
        return True
    if value.startswith((b'"', b"W/")):
        return strongly_equal(value, stored.etag)
    made = first(stored.fields, b"date")
    changed_ms, made_ms = (
        date_ms(text, now_ms) if text is not None else None for text in (stored.last_modified, made)
    )
    if changed_ms is None or made_ms is None or made_ms - changed_ms < STRONG_AFTER_MS:
        return False
    return value == stored.last_modified


def strongly_equal(one: bytes | None, other: bytes | None) -> bool:
    """RFC 9110, section 8.8.3.2: neither is weak."""
    return one is not None and one == other and one.startswith(b'"')


def weakly_equal(one: bytes | None, other: bytes | None) -> bool:
    return one is not None and other is not None and one.removeprefix(b"W/") == other.removeprefix(b"W/")


def _changed_ms(stored: Stored, now_ms: int) -> int:
    """When it last changed: as it says, else its Date, else when it came."""
    for text in (stored.last_modified, first(stored.fields, b"date")):
        moment = date_ms(text, now_ms) if text is not None else None
        if moment is not None:
            return moment
    return stored.born_ms
