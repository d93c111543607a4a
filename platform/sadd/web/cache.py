"""The cache over HTTP: bytes under a namespace and a key of the caller's agency.

``Cache-Status`` (RFC 9211) says whether it was a hit, for how long it is still fresh, or why it was none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import hdrs, web

from cache.address import KEY, NAMESPACE, Address
from cache.answers import Full, Miss
from cache.cache import Cache, TooLarge
from cache.entry import Content, Entry
from cache.policy import DEFAULT, NotStorable, times
from cache.space import Space
from cache.store import StoreUnavailable
from sadd.web.away import store_away
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem, body_too_large, invalid_request, unsupported_media_type
from sadd.web.protected import View, cache_times_of

TAG = "cache"
PATH = "/v1/cache/{namespace}/{key:.+}"
CACHE_STATUS = "Cache-Status"


def endpoints(cache: Cache, view: View) -> list[Endpoint]:
    entries = _Entries(cache, view)
    form = f"A namespace is `{NAMESPACE.pattern}`, a key is `{KEY.pattern}`."
    return [
        Endpoint(
            "GET",
            PATH,
            entries.get,
            "Get an entry",
            TAG,
            answers={200: None, 304: None, 404: None},
            scope="cache:read",
            media_type="*/*",
            headers={hdrs.IF_NONE_MATCH: "The `ETag` that the caller has; 304 if it still holds."},
            description="A miss is 404 `cache-miss`. While the store is away every look-up is a miss. "
            + form,
        ),
        Endpoint(
            "PUT",
            PATH,
            entries.put,
            "Put an entry",
            TAG,
            answers={204: None, 503: None},
            scope="cache:write",
            raw_body=True,
            headers={
                hdrs.CACHE_CONTROL: "`max-age`, `s-maxage`, `stale-while-revalidate`, in seconds. Without: "
                "the class of the service that the namespace is called like, else 300 s.",
                hdrs.CONTENT_TYPE: "Given back as it is.",
            },
            description=form,
        ),
        Endpoint(
            "DELETE",
            PATH,
            entries.delete,
            "Delete an entry",
            TAG,
            answers={204: None, 503: None},
            scope="cache:write",
            description="204 also when there was none. 503: the old entry may still be served.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Entries:
    cache: Cache
    view: View

    async def get(self, call: Call) -> web.StreamResponse:
        found = await self.cache.get(*_address(call))
        if isinstance(found, Miss):
            raise _miss(found)
        headers = _about(found, self.cache.now_ms())
        if _has(call.request, found.content.etag):
            return web.Response(status=304, headers=headers)
        headers[hdrs.CONTENT_TYPE] = found.content.content_type
        return web.Response(body=found.content.body, headers=headers)

    async def put(self, call: Call) -> web.StreamResponse:
        (space, key), headers = _address(call), call.request.headers
        if headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity":
            raise unsupported_media_type("Send the entry without a Content-Encoding: it would be lost.")
        default = cache_times_of(self.view, call.agency, space.namespace, DEFAULT)
        with _refusing():
            kept = times(", ".join(headers.getall(hdrs.CACHE_CONTROL, ())), default)
            content = Content(call.body, headers.get(hdrs.CONTENT_TYPE, "application/octet-stream"))
            if isinstance(await self.cache.put(space, key, content, kept), Full):
                raise Problem(507, "cache-full", "The namespace is at its bound.")
        return web.Response(status=204, headers={hdrs.ETAG: content.etag})

    async def delete(self, call: Call) -> web.StreamResponse:
        with _refusing():
            await self.cache.delete(*_address(call))
        return web.Response(status=204)


def _address(call: Call) -> tuple[Space, str]:
    path = call.request.match_info
    try:
        address = Address(call.agency, path["namespace"], path["key"])
        return Space(address.tenant, address.namespace), address.key
    except ValueError as wrong:
        raise invalid_request(str(wrong)) from None


def _about(entry: Entry, now_ms: int) -> dict[str, str]:
    """``private``: the answer is for one agency's key, so nothing between us and it may keep it."""
    fresh_s = entry.fresh_for_ms(now_ms) // 1000
    return {
        hdrs.ETAG: entry.content.etag,
        hdrs.AGE: str(entry.age_ms(now_ms) // 1000),
        hdrs.CACHE_CONTROL: f"private, max-age={(entry.soft_ms - entry.born_ms) // 1000}",
        CACHE_STATUS: f"sadd; hit; ttl={fresh_s}",
    }


def _miss(miss: Miss) -> Problem:
    status = 'sadd; fwd=miss; detail="store-away"' if miss.store_away else "sadd; fwd=miss"
    detail = "The store is away, so nobody knows." if miss.store_away else ""
    return Problem(404, "cache-miss", "There is no such entry.", detail, headers={CACHE_STATUS: status})


def _has(request: web.Request, etag: str) -> bool:
    """Whether ``If-None-Match`` names the tag; weak comparison, as RFC 9110 wants it here."""
    return any(tag.value == "*" or f'"{tag.value}"' == etag for tag in request.if_none_match or ())


@contextmanager
def _refusing() -> Iterator[None]:
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
        raise store_away("Nothing was put or deleted for certain; try again.") from None
