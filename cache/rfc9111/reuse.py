"""Whether what is kept may answer this request now (RFC 9111, section 4)."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cache.rfc9111.directives import NONE, SECONDS_MAX, Directives, asked
from cache.rfc9111.message import Request
from cache.rfc9111.stored import Stored


@dataclass(frozen=True, slots=True)
class Fresh:
    """Serve it. Also a stale one that the client said it would take (``max-stale``)."""


@dataclass(frozen=True, slots=True)
class StaleWhileRefreshed:
    """Serve it, and renew it (RFC 5861, section 3)."""


@dataclass(frozen=True, slots=True)
class Validate:
    """Ask the origin first. ``fwd`` is the word for Cache-Status."""

    fwd: Literal["stale", "request"]
    error_ok: bool
    """If the origin fails it may be served all the same (RFC 5861, section 4)."""


Reuse: TypeAlias = Fresh | StaleWhileRefreshed | Validate
FRESH = Fresh()
STALE = StaleWhileRefreshed()


def reuse(request: Request, stored: Stored, now_ms: int) -> Reuse:
    """By the stored answer's times and what the client will take."""
    wants = asked(request.fields)
    ttl_ms = stored.ttl_ms(now_ms)
    if wants is NONE and ttl_ms > 0 and not stored.must_validate:  # what nearly all requests come to
        return FRESH
    if stored.must_validate or _asks_for_new(wants, stored, now_ms):
        return Validate("request" if ttl_ms > 0 else "stale", _error_ok(wants, stored, now_ms))
    if ttl_ms > 0 or _takes_stale(wants, stored, -ttl_ms):
        return FRESH
    if now_ms < stored.stale_until_ms and wants.max_stale is None:
        return STALE
    return Validate("stale", _error_ok(wants, stored, now_ms))


def only_if_cached(request: Request) -> bool:
    """What we cannot answer ourselves is answered with 504 (section 5.2.1.7)."""
    return asked(request.fields).only_if_cached


def _asks_for_new(wants: Directives, stored: Stored, now_ms: int) -> bool:
    """``no-cache``, ``max-age`` and ``min-fresh`` of a request (section 5.2.1).

    A reload (``max-age=0``) of what is immutable and fresh is answered from here (RFC 8246, section 2).
    """
    if wants.no_cache:
        return True
    ttl_ms = stored.ttl_ms(now_ms)
    if wants.min_fresh is not None and ttl_ms < wants.min_fresh * 1000:
        return True
    if wants.max_age is None:
        return False
    if wants.max_age == 0:
        return not (stored.immutable and ttl_ms > 0)
    return stored.age_ms(now_ms) > wants.max_age * 1000


def _takes_stale(wants: Directives, stored: Stored, stale_ms: int) -> bool:
    if wants.max_stale is None or stored.never_stale:
        return False
    return wants.max_stale == SECONDS_MAX or stale_ms <= wants.max_stale * 1000


def _error_ok(wants: Directives, stored: Stored, now_ms: int) -> bool:
    if stored.never_stale:
        return False
    asked_for_ms = (wants.stale_if_error or 0) * 1000
    return now_ms < max(stored.error_until_ms, stored.fresh_until_ms + asked_for_ms)
