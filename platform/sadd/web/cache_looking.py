"""What an agency keeps, and why a key is a hit or a miss."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from cache.answers import Explained, Usage
from cache.cache import Cache
from sadd.caching.place import checked_key
from sadd.caching.quotas import Quotas
from sadd.caching.spaces import Spaces
from sadd.web.answer import json_answer
from sadd.web.cache_answers import TAG, refusing, whose
from sadd.web.endpoint import Call, Endpoint

ALL = "/v1/cache"
ONE = "/v1/cache/{namespace}"
EXPLAIN = "/v1/cache/{namespace}/{key:.+}/explain"


class NamespaceAnswer(Struct, frozen=True):
    """What a namespace holds and may hold, and how long an entry lives of which nobody says it."""

    namespace: str
    class_id: str
    entries: int
    entries_max: int
    bytes_used: int
    bytes_max: int
    entry_bytes_max: int
    fresh_ms: int
    stale_ms: int
    stale_error_ms: int
    sealed: bool


class AgencyAnswer(Struct, frozen=True):
    """``bytes_used`` is what the agency put itself; what the caching proxy keeps is bound by its classes."""

    bytes_used: int
    bytes_max: int
    namespaces: list[NamespaceAnswer]


class ExplainAnswer(Struct, frozen=True, omit_defaults=True):
    """``verdict``: fresh, stale, spare, none, expired, purged, tag-purged, namespace-purged, unreadable,
    store-away. ``near``: the worker that answered has it in its memory.
    """

    verdict: str
    near: bool
    feed_proven: bool
    age_ms: int | None = None
    fresh_for_ms: int | None = None
    lease_ends_in_ms: int = 0
    uncacheable_for_ms: int = 0
    tags: tuple[str, ...] = ()


class AgencyQuery(Struct, frozen=True):
    agency: Annotated[str, Meta(max_length=128, description="Another's, for the catalogue's authority.")] = ""


def endpoints(cache: Cache, spaces: Spaces, quotas: Quotas, authority: str) -> list[Endpoint]:
    looking = _Looking(cache, spaces, quotas, authority)
    return [
        Endpoint(
            "GET",
            ALL,
            looking.agency,
            "What the agency keeps",
            TAG,
            query=AgencyQuery,
            answers={200: AgencyAnswer, 403: None, 503: None},
            scope="cache:read",
            description="Every namespace that the agency put something into, and those of the caching proxy.",
        ),
        Endpoint(
            "GET",
            ONE,
            looking.namespace,
            "What a namespace holds",
            TAG,
            answers={200: NamespaceAnswer, 503: None},
            scope="cache:read",
        ),
        Endpoint(
            "POST",
            EXPLAIN,
            looking.explain,
            "Why is a key a hit or a miss?",
            TAG,
            answers={200: ExplainAnswer},
            scope="cache:read",
            description="Nothing is changed, and nothing counted.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Looking:
    cache: Cache
    spaces: Spaces
    quotas: Quotas
    authority: str

    async def agency(self, call: Call) -> web.StreamResponse:
        agency = whose(call, call.query.agency, self.authority)
        with refusing():
            own = await self.quotas.usages(agency)
            names = list(self.spaces.of_shield(agency))
            found = await asyncio.gather(*(self.cache.usage(self.spaces.of(agency, name)) for name in names))
        shielded = dict(zip(names, found, strict=True))
        told = [self._told(agency, name, used) for name, used in (own | shielded).items()]
        total = sum(used.bytes_used for used in own.values())
        return json_answer(AgencyAnswer(total, self.quotas.bytes_max(agency), told))

    async def namespace(self, call: Call) -> web.StreamResponse:
        name = call.request.match_info["namespace"]
        with refusing():
            usage = await self.cache.usage(self.spaces.of(call.agency, name))
        return json_answer(self._told(call.agency, name, usage))

    async def explain(self, call: Call) -> web.StreamResponse:
        path = call.request.match_info
        with refusing():
            space, key = self.spaces.of(call.agency, path["namespace"]), checked_key(path["key"])
            found = await self.cache.explain(space, key)
        return json_answer(explained(found))

    def _told(self, agency: str, name: str, used: Usage) -> NamespaceAnswer:
        space, times = self.spaces.of(agency, name), self.spaces.times(agency, name)
        return NamespaceAnswer(
            name,
            self.spaces.class_of(agency, name).id,
            used.entries,
            space.entries_max,
            used.bytes_used,
            space.bytes_max,
            space.body_bytes_max,
            times.soft_ms,
            times.hard_ms - times.soft_ms,
            max(0, times.error_ms - times.soft_ms),
            space.sealed,
        )


def explained(found: Explained) -> ExplainAnswer:
    entry, now_ms = found.entry, found.now_ms
    return ExplainAnswer(
        found.verdict,
        found.near,
        found.feed_proven,
        None if entry is None else entry.age_ms(now_ms),
        None if entry is None else entry.fresh_for_ms(now_ms),
        found.lease_ends_in_ms,
        found.uncacheable_for_ms,
        () if entry is None else entry.content.tags,
    )
