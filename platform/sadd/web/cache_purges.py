"""Purge by key, by tag, or all of a namespace: hard, or soft so that stale entries serve while one renews.

What the caching proxy keeps of a service (``shield-<service>``) is purged here too, by its agency.
"""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from cache.cache import Cache
from cache.entry import check_tag
from cache.space import Space
from sadd.caching.purging import AuditAway, Purge, purge
from sadd.caching.spaces import Spaces
from sadd.postgres.pool import Pool
from sadd.web.answer import json_answer
from sadd.web.away import store_away
from sadd.web.cache_answers import TAG, refusing, whose
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem, invalid_request

PATH = "/v1/cache/{namespace}/purge"
PURGED_MAX = 1_000


class PurgeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """At least one of ``keys``, ``tags``, ``everything``.

    ``soft``: what is purged is stale, not gone; it may be served while one caller loads anew.
    """

    keys: Annotated[list[str], Meta(max_length=PURGED_MAX)] = []
    tags: Annotated[list[str], Meta(max_length=PURGED_MAX)] = []
    everything: bool = False
    soft: bool = False
    agency: Annotated[str, Meta(max_length=128, description="Another's, for the catalogue's authority.")] = ""
    note: Annotated[str, Meta(max_length=500, description="Why, for the audit.")] = ""


class PurgeAnswer(Struct, frozen=True):
    """``purged`` counts the entries found by key; a tag costs the same for one and for a million."""

    purged: int


def endpoints(cache: Cache, spaces: Spaces, pool: "Pool | None", authority: str) -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            PATH,
            _Purges(cache, spaces, pool, authority).purge,
            "End entries by key, by tag, or all of a namespace",
            TAG,
            body=PurgeRequest,
            answers={200: PurgeAnswer, 403: None, 404: None, 503: None},
            scope="cache:write",
            description="All in one step. Loads under way are void: what they fetched before is not kept. "
            "`purged` counts entries found by `keys` only. `shield-<service>` is what the caching proxy "
            "keeps of a service of yours; 404 `unknown-service` if there is none. What the catalogue's "
            "authority purges of another agency is written into the audit first. 503: nothing is purged for "
            "certain.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Purges:
    cache: Cache
    spaces: Spaces
    pool: "Pool | None"
    authority: str

    async def purge(self, call: Call) -> web.StreamResponse:
        asked: PurgeRequest = call.body
        if not (asked.keys or asked.tags or asked.everything):
            raise invalid_request("Say what to purge: keys, tags, or everything.")
        agency = whose(call, asked.agency, self.authority)
        with refusing():
            for tag in asked.tags:
                check_tag(tag)
            space = self.spaces.of(agency, call.request.match_info["namespace"])
            if self.spaces.is_of_nobody(agency, space.namespace):
                raise _no_service(space.namespace)
            if agency == call.agency or self.pool is None:
                purged = await self.cache.purge(
                    space, keys=asked.keys, tags=asked.tags, everything=asked.everything, soft=asked.soft
                )
            else:
                purged = await self._by_operator(call, self.pool, space, asked)
        return json_answer(PurgeAnswer(purged))

    async def _by_operator(self, call: Call, pool: Pool, space: Space, asked: PurgeRequest) -> int:
        assert call.caller is not None, "the endpoint has a scope"
        wanted = Purge(tuple(asked.keys), tuple(asked.tags), asked.everything, asked.soft, asked.note)
        try:
            return await purge(pool, self.cache, space, wanted, call.caller.prefix)
        except AuditAway:
            raise store_away("The audit is away, so nothing was purged. Try again.") from None


def _no_service(namespace: str) -> Problem:
    detail = f"Nothing was purged: {namespace} is of no service of the agency."
    return Problem(404, "unknown-service", "There is no such service.", detail)
