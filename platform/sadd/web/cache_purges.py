"""Purge by key, by tag, or all of a namespace: hard, or soft so that stale entries serve while one renews.

What the caching proxy keeps of a service (``shield-<service>``) is purged here too, by its agency.
"""

from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from cache.cache import Cache
from cache.entry import check_tag
from sadd.caching.spaces import Spaces
from sadd.web.answer import json_answer
from sadd.web.cache_answers import TAG, refusing
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import invalid_request

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


class PurgeAnswer(Struct, frozen=True):
    """``purged`` counts the entries found by key; a tag costs the same for one and for a million."""

    purged: int


def endpoints(cache: Cache, spaces: Spaces) -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            PATH,
            _Purges(cache, spaces).purge,
            "End entries by key, by tag, or all of a namespace",
            TAG,
            body=PurgeRequest,
            answers={200: PurgeAnswer, 503: None},
            scope="cache:write",
            description="All in one step. Loads under way are void: what they fetched before is not kept. "
            "`shield-<service>` is what the caching proxy keeps of a service of yours. 503: nothing is "
            "purged for certain.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Purges:
    cache: Cache
    spaces: Spaces

    async def purge(self, call: Call) -> web.StreamResponse:
        asked: PurgeRequest = call.body
        if not (asked.keys or asked.tags or asked.everything):
            raise invalid_request("Say what to purge: keys, tags, or everything.")
        with refusing():
            for tag in asked.tags:
                check_tag(tag)
            space = self.spaces.of(call.agency, call.request.match_info["namespace"])
            purged = await self.cache.purge(
                space, keys=asked.keys, tags=asked.tags, everything=asked.everything, soft=asked.soft
            )
        return json_answer(PurgeAnswer(purged))
