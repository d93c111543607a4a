"""Get an entry or the right to load it: a crowd that misses at once makes one call of the origin.

One caller gets the lease. The others wait for what it puts, take the stale entry, or are told to come again:
none of them goes to the origin. Who holds a lease puts with its token, says now and then that it still loads,
or gives it back.
"""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import hdrs, web
from msgspec import Meta, Struct

from cache.answers import Busy, Lease
from cache.cache import LEASE_MS_MAX
from cache.entry import Entry
from sadd.web.answer import json_answer
from sadd.web.cache import FRESH, LEASE, Entries, asks_store, token_in
from sadd.web.cache_answers import TAG, answer, being_loaded, lease_lost, refusing
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import invalid_request

PATH = "/v1/cache/{namespace}/{key:.+}/lease"
WAIT_MS_MAX = 30_000
LEASE_MS_MIN = 100
UNCACHEABLE_MS_MAX = 600_000
BODY_BYTES_MAX = 4_096


class LeaseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """How long to wait for another's load, and whether a stale entry will do."""

    wait_ms: Annotated[int, Meta(ge=0, le=WAIT_MS_MAX)] = 0
    stale: bool = True
    lease_ms: Annotated[int, Meta(ge=LEASE_MS_MIN, le=LEASE_MS_MAX)] | None = None
    """Without: as the namespace says."""
    spare: Annotated[
        bool, Meta(description="Send what may be served should the origin fail (stale-if-error).")
    ] = False


class SpareAnswer(Struct, frozen=True):
    """To be served only in the place of an origin that fails."""

    body: bytes
    content_type: str
    etag: str
    for_ms: int


class LeaseAnswer(Struct, frozen=True, omit_defaults=True):
    """Load, and put with the token in ``Sadd-Lease``.

    ``shared`` is false where what this key gives was lately found not to be shareable: everybody may load,
    and nobody waits for anybody.
    """

    token: str
    ends_in_ms: int
    shared: bool = True
    spare: SpareAnswer | None = None


class ReleaseQuery(Struct, frozen=True):
    uncacheable_for_ms: Annotated[
        int,
        Meta(ge=0, le=UNCACHEABLE_MS_MAX, description="What came cannot be shared: let all load themselves."),
    ] = 0


def endpoints(entries: Entries) -> list[Endpoint]:
    leases = _Leases(entries)
    return [
        Endpoint(
            "POST",
            PATH,
            leases.take,
            "Get an entry, or the right to load it",
            TAG,
            body=LeaseRequest,
            body_optional=True,
            body_bytes_max=BODY_BYTES_MAX,
            answers={200: None, 201: LeaseAnswer, 304: None, 409: None, 503: None},
            scope="cache:write",
            headers={
                hdrs.CACHE_CONTROL: FRESH,
                LEASE: "The token of a lease that is held: it still loads, so the lease begins anew.",
            },
            description="200 is the entry; with `Sadd-Lease: <token>; ends-in-ms=<n>` it is stale and this "
            "caller renews it. 201 is the right to load what is not there. 503 `being-loaded`: another "
            "caller loads, and `wait_ms` are over; do not go to the origin.",
        ),
        Endpoint(
            "DELETE",
            PATH,
            leases.release,
            "Give a lease back",
            TAG,
            query=ReleaseQuery,
            answers={204: None, 503: None},
            scope="cache:write",
            headers={LEASE: "The token."},
            description="Whoever waits asks again at once. 204 also when it was lost before.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Leases:
    entries: Entries

    async def take(self, call: Call) -> web.StreamResponse:
        if (token := token_in(call)) is not None:
            return await self._renew(call, token)
        space, key = self.entries.place(call)
        asked: LeaseRequest = call.body or LeaseRequest()
        cache = self.entries.cache
        with refusing():
            found = await cache.get_or_lease(
                space,
                key,
                wait_ms=asked.wait_ms,
                stale=asked.stale,
                lease_ms=asked.lease_ms,
                local=not asks_store(call.request),
            )
        if isinstance(found, Busy):
            raise being_loaded(found)
        now_ms = cache.now_ms()
        if isinstance(found, Entry):
            return answer(call.request, found, now_ms)
        stale = found.stale
        if stale is not None and asked.stale and now_ms < stale.hard_ms:
            told = f"{found.token}; ends-in-ms={found.ends_in_ms}"
            return answer(call.request, stale, now_ms, Sadd_Lease=told)
        return json_answer(_lease_answer(found, now_ms, spare=asked.spare), 201)

    async def _renew(self, call: Call, token: int) -> web.StreamResponse:
        space, key = self.entries.place(call)
        asked: LeaseRequest = call.body or LeaseRequest()
        lease_ms = asked.lease_ms or space.lease_ms
        with refusing():
            is_held = await self.entries.cache.renew(space, key, token, lease_ms)
        if not is_held:
            raise lease_lost()
        return json_answer(LeaseAnswer(str(token), lease_ms))

    async def release(self, call: Call) -> web.StreamResponse:
        space, key = self.entries.place(call)
        token = token_in(call)
        if token is None:
            raise invalid_request(f"{LEASE} is missing: the token says which lease is meant.")
        with refusing():
            await self.entries.cache.release(
                space, key, token, uncacheable_for_ms=call.query.uncacheable_for_ms
            )
        return web.Response(status=204)


def _lease_answer(lease: Lease, now_ms: int, *, spare: bool) -> LeaseAnswer:
    kept, held = lease.stale, None
    if spare and kept is not None and now_ms < kept.ends_ms():
        content = kept.content
        held = SpareAnswer(content.body, content.content_type, content.etag, kept.ends_ms() - now_ms)
    return LeaseAnswer(str(lease.token), lease.ends_in_ms, lease.shared, held)
