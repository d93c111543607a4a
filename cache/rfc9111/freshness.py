"""How old an answer is and how long it is fresh (RFC 9111, section 4.2; RFC 5861)."""

from dataclasses import dataclass
from typing import Literal

from cache.rfc9111.dates import date_ms
from cache.rfc9111.directives import SECONDS_MAX, Directives
from cache.rfc9111.fields import Fields, elements, first
from cache.rfc9111.message import Response
from cache.rfc9111.policy import Policy

HEURISTIC_SHARE = 10
"""A tenth of the time since it last changed (RFC 9111, section 4.2.2)."""
HEURISTIC_STATUSES = frozenset({200, 203, 204, 300, 301, 308})
"""Of those that RFC 9110, section 15.1 allows: no error without an explicit word (CPDoS), no 206."""
NEGATIVE_STATUSES = frozenset({404, 410})

Source = Literal["s-maxage", "max-age", "expires", "heuristic", "none"]


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Milliseconds: fresh from birth, then stale or in place of an error from the end of freshness."""

    fresh_ms: int
    stale_ms: int
    error_ms: int
    source: Source


def born_ms(response: Response) -> int:
    """When its age was 0: both what caches before us say and what its Date says count (section 4.2.3)."""
    date = _date(response)
    apparent_ms = max(0, response.came_ms - date)
    corrected_ms = age_s(response.fields) * 1000 + max(0, response.came_ms - response.asked_ms)
    return response.came_ms - max(apparent_ms, corrected_ms)


def age_s(fields: Fields) -> int:
    """What ``Age`` says; its first member counts, and one that is no number does not (section 5.1)."""
    value = next(elements(fields, b"age"), b"")
    return min(int(value[:12]), SECONDS_MAX) if value.isdigit() else 0


def lifetime(response: Response, said: Directives, *, targeted: bool, policy: Policy) -> Lifetime:
    """How long it is fresh, and how long after that it may be served. ``said`` are its directives.

    ``targeted``: they were meant for this cache alone, and Expires does not count (RFC 9213, section 2.2).
    """
    fresh_ms, source = _fresh_ms(response, said, targeted, policy)
    if response.status in NEGATIVE_STATUSES:
        fresh_ms = min(fresh_ms, policy.negative_ms)
    if never_stale(said):
        return Lifetime(fresh_ms, 0, 0, source)
    return Lifetime(
        fresh_ms,
        _or(said.stale_while_revalidate, policy.stale_ms),
        _or(said.stale_if_error, policy.error_ms),
        source,
    )


def never_stale(said: Directives) -> bool:
    """Each of these forbids a shared cache what RFC 5861 would allow (section 4.2.4)."""
    return said.must_revalidate or said.proxy_revalidate or said.s_maxage is not None or said.no_cache


def _fresh_ms(response: Response, said: Directives, targeted: bool, policy: Policy) -> tuple[int, Source]:
    if said.s_maxage is not None:
        return said.s_maxage * 1000, "s-maxage"
    if said.max_age is not None:
        return said.max_age * 1000, "max-age"
    expires = None if targeted else first(response.fields, b"expires")
    if expires is not None:
        end = date_ms(expires, response.came_ms)
        return (0 if end is None else max(0, end - _date(response))), "expires"
    if policy.heuristic and (response.status in HEURISTIC_STATUSES or said.public):
        return _guess_ms(response, policy), "heuristic"
    return 0, "none"


def _guess_ms(response: Response, policy: Policy) -> int:
    changed = first(response.fields, b"last-modified")
    moment = date_ms(changed, response.came_ms) if changed is not None else None
    if moment is None:
        return 0
    return min(max(0, _date(response) - moment) // HEURISTIC_SHARE, policy.heuristic_ms_max)


def _date(response: Response) -> int:
    """Its Date; when it came, where there is none (RFC 9110, section 6.6.1)."""
    value = first(response.fields, b"date")
    found = date_ms(value, response.came_ms) if value is not None else None
    return response.came_ms if found is None else found


def _or(seconds: int | None, otherwise_ms: int) -> int:
    return otherwise_ms if seconds is None else seconds * 1000
