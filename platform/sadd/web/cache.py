"""The cache over HTTP: bytes under a namespace and a key of the caller's agency.

A hit in this worker's memory is answered on the fast lane, without waiting for anything. How one answer looks
is in ``cache_answers``; leases, batches, purges and the stream of events are in the modules beside this one.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from cache.answers import Full, Miss, Stored, Superseded
from cache.cache import Cache
from cache.entry import Content, Entry
from cache.policy import Times, times
from cache.space import NAMESPACE, Space
from sadd.caching.place import KEY, checked_key, space_named
from sadd.caching.quotas import OverQuota, Quotas
from sadd.caching.spaces import Spaces
from sadd.web.cache_answers import TAG, about, answer, full, lease_lost, miss, refusing, tags_in
from sadd.web.endpoint import Call, Endpoint
from sadd.web.lane.endpoint import LaneEndpoint, Question, Told
from sadd.web.lane.wording import header_lines
from sadd.web.problem import invalid_request, unsupported_media_type

PATH = "/v1/cache/{namespace}/{key:.+}"
LEASE = "Sadd-Lease"
"""The token of a lease, from whoever loads."""
TOKEN_DIGITS_MAX = 19
TOLD_MAX = 1_024
"""Answers that a worker has worded at hand: a hot entry's is the same for a whole second."""
TOLD_BYTES_MAX = 8_192
"""Of a body: larger ones are worded each time, so that all of them hold 8 MiB of bodies at most."""
FORM = f"A namespace is `{NAMESPACE.pattern}`, a key is `{KEY.pattern}`."
FRESH = "`no-cache`: ask the store, whatever this worker remembers."


def endpoints(entries: "Entries") -> list[Endpoint]:
    return [
        Endpoint(
            "GET",
            PATH,
            entries.get,
            "Get an entry",
            TAG,
            answers={200: None, 304: None, 404: None, 412: None},
            scope="cache:read",
            media_type="*/*",
            headers={
                hdrs.IF_NONE_MATCH: "The `ETag` that the caller has; 304 if it still holds.",
                hdrs.IF_MATCH: "The `ETag` that it must be; else 412.",
                hdrs.CACHE_CONTROL: FRESH,
            },
            description=f"A miss is 404 `cache-miss`; so is every look-up while the store is away. {FORM}",
            lane=LaneEndpoint(entries.ask, tell, None, None, frozenset({"events"})),
        ),
        Endpoint(
            "PUT",
            PATH,
            entries.put,
            "Put an entry",
            TAG,
            answers={204: None, 409: None, 503: None, 507: None},
            scope="cache:write",
            raw_body=True,
            headers={
                hdrs.CACHE_CONTROL: "`max-age`, `s-maxage`, `stale-while-revalidate`, `stale-if-error`, in "
                "seconds. Without: the class of the service that the namespace is called like, else 300 s.",
                hdrs.CONTENT_TYPE: "Given back as it is.",
                "Surrogate-Key": "Tags to purge it by, a space between them.",
                LEASE: "The token of a lease: 409 `lease-lost` if anything was purged since it was granted.",
            },
            description=FORM,
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
class Entries:
    """What is done with one entry. Leases and batches use its parts."""

    cache: Cache
    spaces: Spaces
    quotas: Quotas
    worded: dict[str, tuple[Entry, int, Told]] = field(default_factory=dict)
    """By agency and path: the entry, the second of the store's clock, and the answer that was worded then."""

    async def get(self, call: Call) -> web.StreamResponse:
        space, key = self.place(call)
        found = await self.cache.get(space, key, local=not asks_store(call.request))
        if isinstance(found, Miss):
            raise miss(found)
        return answer(call.request, found, self.cache.now_ms())

    def ask(self, asked: Question, done: Callable[[Told | BaseException], None]) -> None:
        """On the lane: at once from this worker's memory, else by a task that asks the store."""
        agency, path = asked.agency, asked.parameter
        namespace, _, key = path.partition("/")
        try:
            space, key = space_named(self.spaces, agency, namespace), checked_key(key)
        except ValueError as wrong:
            raise invalid_request(str(wrong)) from None
        said = asked.field(b"cache-control")
        local = said is None or not _no_cache(said)
        known = self.cache.known(space, key) if local else None
        if known is not None:
            done(self.told(agency + "/" + path, known))
        else:
            self._ask_store(space, key, done, local=local)

    def _ask_store(
        self, space: Space, key: str, done: Callable[[Told | BaseException], None], *, local: bool
    ) -> None:
        def came(looking: asyncio.Future[Entry | Miss]) -> None:
            if looking.cancelled():  # the worker ends
                done(miss(Miss(store_away=True)))
            elif (failure := looking.exception()) is not None:
                done(failure)
            else:
                found = looking.result()
                name = f"{space.tenant}/{space.namespace}/{key}"
                done(miss(found) if isinstance(found, Miss) else self.told(name, found))

        look_up = self.cache.get(space, key, local=local)
        asyncio.get_running_loop().create_task(look_up).add_done_callback(came)

    def told(self, name: str, entry: Entry) -> Told:
        now_ms = self.cache.now_ms()
        second = now_ms // 1_000
        last = self.worded.get(name)
        if last is not None and last[0] is entry and last[1] == second:
            return last[2]
        fields = {str(hdrs.CONTENT_TYPE): entry.content.content_type, **about(entry, now_ms)}
        worded = entry.content.body, header_lines(fields)
        if len(entry.content.body) <= TOLD_BYTES_MAX:
            if len(self.worded) >= TOLD_MAX:
                self.worded.clear()
            self.worded[name] = entry, second, worded
        return worded

    async def put(self, call: Call) -> web.StreamResponse:
        space, key = self.place(call)
        headers = call.request.headers
        check_put(headers)
        with refusing():
            content = Content(
                call.body,
                headers.get(hdrs.CONTENT_TYPE, "application/octet-stream"),
                tags_in(" ".join(headers.getall("Surrogate-Key", ()))),
            )
            kept = self.times(space, ", ".join(headers.getall(hdrs.CACHE_CONTROL, ())))
            stored = await self._keep(space, key, token_in(call), content, kept)
        if isinstance(stored, Superseded):
            raise lease_lost()
        if not isinstance(stored, Stored):
            raise full(stored)
        return web.Response(status=204, headers={hdrs.ETAG: content.etag})

    async def _keep(
        self, space: Space, key: str, token: int | None, content: Content, kept: Times
    ) -> Stored | Superseded | Full | OverQuota:
        over = await self.quotas.admit(space, len(content.body))
        if over is not None:
            return over
        if token is None:
            return await self.cache.put(space, key, content, kept)
        return await self.cache.fill(space, key, token, content, kept)

    async def delete(self, call: Call) -> web.StreamResponse:
        space, key = self.place(call)
        with refusing():
            await self.cache.delete(space, key)
        return web.Response(status=204)

    def space(self, call: Call) -> Space:
        """The namespace of the path. Problem: it has no right form, or is not the agency's to write."""
        try:
            return space_named(self.spaces, call.agency, call.request.match_info["namespace"])
        except ValueError as wrong:
            raise invalid_request(str(wrong)) from None

    def place(self, call: Call) -> tuple[Space, str]:
        """The space and the key of the path. Problem: they have no right form."""
        space = self.space(call)
        try:
            return space, checked_key(call.request.match_info["key"])
        except ValueError as wrong:
            raise invalid_request(str(wrong)) from None

    def times(self, space: Space, cache_control: str) -> Times:
        """How long an entry is kept. NotStorable, ValueError."""
        return times(cache_control, self.spaces.times(space.tenant, space.namespace))


def tell(result: Told | BaseException) -> Told:
    if isinstance(result, BaseException):
        raise result
    return result


def asks_store(request: web.Request) -> bool:
    """The caller wants what the store says (``no-cache``), not what this worker remembers."""
    return _no_cache(", ".join(request.headers.getall(hdrs.CACHE_CONTROL, ())))


def _no_cache(field: str) -> bool:
    said = {one.strip() for one in field.lower().split(",")}
    return not said.isdisjoint({"no-cache", "max-age=0", "no-store"})


def check_put(headers: Mapping[str, str]) -> None:
    """Problem: the put asks for what it would not get."""
    if headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity":
        raise unsupported_media_type("Send the entry without a Content-Encoding: it would be lost.")
    if hdrs.CONTENT_RANGE in headers:
        raise invalid_request("A part is not put: send the whole entry.", status=400)
    if hdrs.IF_MATCH in headers or hdrs.IF_NONE_MATCH in headers:
        # Looked at first and put then, it would be true of what was there before.
        raise invalid_request("A put takes no condition; a lease is what keeps it from being overtaken.")


def token_in(call: Call) -> int | None:
    """The token that the caller shows. Problem: it is none of ours."""
    token = call.request.headers.get(LEASE)
    if token is None:
        return None
    if not (token.isascii() and token.isdigit() and len(token) <= TOKEN_DIGITS_MAX):
        raise invalid_request(f"{LEASE} is not the token of a lease.")
    return int(token)
