"""What the cache says over HTTP: an entry with its fields, a miss, a refusal, each in one way.

``Cache-Status`` (RFC 9211) says whether it was a hit, for how long it is still fresh, or why it was none.
"""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import hdrs, web

from cache.answers import Busy, Full, Miss
from cache.cache import TooLarge
from cache.entry import Entry
from cache.policy import NotStorable
from cache.store import StoreUnavailable
from sadd.caching.quotas import OverQuota
from sadd.web.away import store_away
from sadd.web.endpoint import Call
from sadd.web.problem import Problem, body_too_large, invalid_request

TAG = "cache"
CACHE_STATUS = "Cache-Status"
SURROGATE_KEY = "Surrogate-Key"
"""The tags of an entry, a space between them: the name by which CDNs know them."""

_UNPLAIN = re.compile(r"[^!-~]")


def about(entry: Entry, now_ms: int) -> dict[str, str]:
    """The fields of an entry.

    ``private``: the answer is for one agency's key, so nothing between us and it may keep it. The two stale
    times count from the end of freshness (RFC 5861).
    """
    told = [f"private, max-age={(entry.soft_ms - entry.born_ms) // 1000}"]
    if entry.hard_ms > entry.soft_ms:
        told.append(f"stale-while-revalidate={(entry.hard_ms - entry.soft_ms) // 1000}")
    if entry.error_ms > entry.hard_ms:
        told.append(f"stale-if-error={(entry.error_ms - entry.soft_ms) // 1000}")
    fields: dict[str, str] = {
        hdrs.ETAG: entry.content.etag,
        hdrs.AGE: str(entry.age_ms(now_ms) // 1000),
        hdrs.CACHE_CONTROL: ", ".join(told),
        CACHE_STATUS: f"sadd; hit; ttl={entry.fresh_for_ms(now_ms) // 1000}",
    }
    if entry.content.tags:
        fields[SURROGATE_KEY] = " ".join(map(_plain, entry.content.tags))
    return fields


def _plain(tag: str) -> str:
    """A tag that was put by other ways than this API may hold a space; in a list it must not."""
    return _UNPLAIN.sub(lambda odd: "".join(f"%{byte:02X}" for byte in odd[0].encode()), tag)


def answer(request: web.Request, entry: Entry, now_ms: int, **more: str) -> web.Response:
    """The entry; 304 if the caller has it already. Problem: it must not be this one (``If-Match``)."""
    etag, headers = entry.content.etag, about(entry, now_ms)
    headers.update((name.replace("_", "-"), value) for name, value in more.items())
    wanted = request.if_match
    if wanted is not None and not any(
        tag.value == "*" or (f'"{tag.value}"' == etag and not tag.is_weak) for tag in wanted
    ):
        raise Problem(412, "precondition-failed", "The entry is another one.", headers={hdrs.ETAG: etag})
    # Weak comparison, as RFC 9110 wants it here.
    if any(tag.value == "*" or f'"{tag.value}"' == etag for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    headers[hdrs.CONTENT_TYPE] = entry.content.content_type
    return web.Response(body=entry.content.body, headers=headers)


def miss(found: Miss) -> Problem:
    status = 'sadd; fwd=miss; detail="store-away"' if found.store_away else "sadd; fwd=miss"
    detail = "The store is away, so nobody knows." if found.store_away else ""
    return Problem(404, "cache-miss", "There is no such entry.", detail, headers={CACHE_STATUS: status})


def full(refused: Full | OverQuota) -> Problem:
    """A namespace or a whole agency is at its bound; nothing was kept."""
    if isinstance(refused, Full):
        of, used, bound = "the namespace's bytes", refused.bytes_used, refused.bytes_max
        if refused.entries >= refused.entries_max:
            of, used, bound = "the namespace's entries", refused.entries, refused.entries_max
    else:
        of, used, bound = f"the agency's {refused.of}", refused.used, refused.bound
    detail = f"Of {of} {used} of {bound} are used. Purge what is not needed, or have the bound changed."
    extra = {"of": of, "used": used, "bound": bound}
    return Problem(507, "cache-full", "The cache is at its bound.", detail, extra=extra)


def being_loaded(busy: Busy) -> Problem:
    """Another caller loads it, and this one would not wait longer."""
    return Problem(
        503,
        "being-loaded",
        "Another caller loads this entry.",
        "Ask again then, or wait with wait_ms.",
        extra={"retry_after_ms": busy.retry_after_ms},
        headers={
            hdrs.RETRY_AFTER: str(max(1, math.ceil(busy.retry_after_ms / 1000))),
            CACHE_STATUS: "sadd; fwd=miss; collapsed",
        },
    )


def lease_lost() -> Problem:
    return Problem(
        409,
        "lease-lost",
        "The right to load is not yours any more.",
        "It ended, or what it was for was purged or put meanwhile. Nothing was kept; ask again.",
    )


def tags_in(field: str) -> tuple[str, ...]:
    """The tags of a ``Surrogate-Key``, each once. ValueError: one is not plain ASCII."""
    tags = tuple(dict.fromkeys(field.split()))
    for tag in tags:
        if _UNPLAIN.search(tag):
            raise ValueError(f"a tag is printable ASCII without a space, not {tag!r}")
    return tags


def whose(call: Call, agency: str, authority: str) -> str:
    """The agency that a call is about: its own, or another that only the authority may name."""
    if agency in ("", call.agency):
        return call.agency
    if not authority or call.agency != authority:
        title = "This belongs to another agency."
        raise Problem(403, "foreign-agency", title, "Only the catalogue's authority may name another agency.")
    return agency


@contextmanager
def refusing() -> Iterator[None]:
    """What the cache will not or cannot do, as problems."""
    try:
        yield
    except NotStorable as asked:
        raise Problem(422, "not-storable", "The entry must not be kept.", f"{asked}.") from None
    except TooLarge as large:
        raise body_too_large(large.bound) from None
    except ValueError as wrong:
        raise invalid_request(str(wrong)) from None
    except StoreUnavailable:
        raise store_away("Nothing was changed for certain; try again.") from None
