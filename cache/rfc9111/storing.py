"""Whether an answer may be kept by a shared cache, decided when its head is there (RFC 9111, section 3)."""

from dataclasses import dataclass

from cache.rfc9111.dates import date_text
from cache.rfc9111.directives import Directives, asked, governing
from cache.rfc9111.fields import Fields, elements, first
from cache.rfc9111.freshness import NEGATIVE_STATUSES, Lifetime, born_ms, lifetime, never_stale
from cache.rfc9111.message import Request, Response
from cache.rfc9111.policy import Policy
from cache.rfc9111.stored import Stored
from cache.rfc9111.tags import tags
from cache.rfc9111.vary import vary_names

UNDERSTOOD = frozenset({200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410, 451})
"""Statuses that are kept where the origin gives them a freshness. Neither 206 nor 304, and none that a
request's own oddity brings about: 400, 405, 408, 413, 414, 429, 431, 5xx (CPDoS)."""

HOP = frozenset(
    {
        *(
            b"connection",
            b"keep-alive",
            b"proxy-connection",
            b"te",
            b"trailer",
            b"transfer-encoding",
            b"upgrade",
        ),
        *(b"proxy-authenticate", b"proxy-authorization", b"proxy-authentication-info"),
    }
)
_NOT_KEPT = HOP | {b"age", b"content-length", b"cache-status"}
VARY_NAMES_MAX = 8
EVENT_STREAM = b"text/event-stream"


@dataclass(frozen=True, slots=True)
class Storable:
    stored: Stored
    lifetime: Lifetime


_UNSAID = frozenset({"none", "heuristic"})
"""Sources of a lifetime that are no word of the origin."""


@dataclass(frozen=True, slots=True)
class NotStorable:
    """``reason`` is a token for ``detail`` of Cache-Status."""

    reason: str


def storable(request: Request, response: Response, policy: Policy) -> Storable | NotStorable:
    """The answer as it is kept, or why not. ``request.fields`` are those that the origin got."""
    said, targeted = governing(response.fields)
    reason = _request_forbids(request, said) or _response_forbids(response, said)
    if reason:
        return NotStorable(reason)
    if (first(response.fields, b"content-type") or b"").lower().startswith(EVENT_STREAM):
        return NotStorable("event-stream")  # it has no end, and would be waited for
    life = lifetime(response, said, targeted=targeted, policy=policy)
    if not life.fresh_ms and response.status in NEGATIVE_STATUSES:
        return NotStorable("not-found")
    if not life.fresh_ms and life.source in _UNSAID and not said.no_cache:
        return NotStorable("no-freshness")  # a class's stale times add to a freshness, they are none
    stored = _stored(response, said, life, policy)
    if said.no_cache and stored.etag is None and stored.last_modified is None:
        return NotStorable("no-cache")  # could neither be served nor validated
    if stored.keep_until_ms <= response.came_ms:
        return NotStorable("stale")
    return Storable(stored, life)


def kept_fields(response: Response, said: Directives) -> Fields:
    """With a Date, and without those of the hop and those that ``Connection``, ``private=`` and
    ``no-cache=`` name."""
    gone = _NOT_KEPT | said.private_fields | said.no_cache_fields
    gone |= {option.lower() for option in elements(response.fields, b"connection")}
    kept = tuple(field for field in response.fields if field[0] not in gone)
    if first(kept, b"date") is None:
        kept = (*kept, (b"date", date_text(response.came_ms)))
    return kept


def _request_forbids(request: Request, said: Directives) -> str:
    if request.method != b"GET":
        return "method"
    if request.personal:
        return "personal"
    if asked(request.fields).no_store:
        return "request-no-store"
    if first(request.fields, b"authorization") is not None and not _shared_on_purpose(said):
        return "authorization"
    return ""


def _response_forbids(response: Response, said: Directives) -> str:
    if response.status not in UNDERSTOOD:
        return "status"
    if said.no_store and not said.must_understand:  # who understands the status may keep it (5.2.2.3)
        return "no-store"
    if said.private:
        return "private"
    if first(response.fields, b"set-cookie") is not None and not _kept_apart(said):
        return "set-cookie"
    names = vary_names(response.fields)
    if names is None:
        return "vary-any"
    return "vary-many" if len(names) > VARY_NAMES_MAX else ""


def _shared_on_purpose(said: Directives) -> bool:
    """The three that allow to keep an answer to who showed an Authorization (section 3.5)."""
    return said.public or said.must_revalidate or said.s_maxage is not None


def _kept_apart(said: Directives) -> bool:
    """``private="set-cookie"``: the origin says itself that all the rest is everybody's (section 5.2.2.7)."""
    return b"set-cookie" in said.private_fields | said.no_cache_fields


def _stored(response: Response, said: Directives, life: Lifetime, policy: Policy) -> Stored:
    born = born_ms(response)
    fresh_until = born + life.fresh_ms
    error_until = max(fresh_until + life.stale_ms, fresh_until + life.error_ms)
    fields = kept_fields(response, said)
    names = vary_names(response.fields)
    assert names is not None
    return Stored(
        status=response.status,
        fields=fields,
        born_ms=born,
        fresh_until_ms=fresh_until,
        stale_until_ms=fresh_until + life.stale_ms,
        error_until_ms=error_until,
        keep_until_ms=_keep_until(fields, response, error_until, policy),
        must_validate=said.no_cache,
        never_stale=never_stale(said),
        immutable=said.immutable,
        vary=names,
        tags=tags(response.fields),
    )


def _keep_until(fields: Fields, response: Response, error_until_ms: int, policy: Policy) -> int:
    """What can be asked for by a validator is worth keeping when it is stale."""
    has_validator = first(fields, b"etag") is not None or first(fields, b"last-modified") is not None
    if not has_validator or response.status != 200:
        return error_until_ms
    return max(error_until_ms, response.came_ms) + policy.keep_ms
