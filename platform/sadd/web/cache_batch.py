"""Up to a thousand gets, puts and deletes of one namespace in one call, each answered by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Annotated, Literal, TypeAlias

from aiohttp import web
from msgspec import Meta, Struct

from cache.answers import Full, Miss, Stored
from cache.entry import Content, Entry
from cache.policy import NotStorable, Times
from cache.space import Space
from cache.store import StoreUnavailable
from sadd.caching.place import checked_key
from sadd.web.answer import json_answer
from sadd.web.cache import Entries, asks_store
from sadd.web.cache_answers import TAG, tags_in
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import forbidden, invalid_request

PATH = "/v1/cache/{namespace}/batch"
WRITING = "cache:write"
BATCH_MAX = 1_000
TRIP_MAX = 50
"""Entries asked for at once, so that the answer's bound is noticed before a worker's memory is full."""
ANSWER_BYTES_MAX = 16_777_216

Body = Annotated[bytes, Meta(description="In base64.")]


class Get(Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="get"):
    key: str


class Put(Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="put"):
    """As ``PUT`` takes it. Without ``cache_control`` the namespace's times hold."""

    key: str
    body: Body
    content_type: str = "application/octet-stream"
    cache_control: str = ""
    tags: Annotated[tuple[str, ...], Meta(max_length=128)] = ()


class Delete(Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="delete"):
    key: str


Operation: TypeAlias = Get | Put | Delete


class BatchRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Done in their order, those of one kind that stand together in one trip."""

    operations: Annotated[list[Operation], Meta(min_length=1, max_length=BATCH_MAX)]


class OneResult(Struct, frozen=True, omit_defaults=True):
    """``status`` is what the call by itself would have answered.

    413 on a get: the answers before it are as large as one batch gives; ask for it again.
    """

    key: str
    status: Literal[200, 204, 404, 413, 503, 507]
    body: Body | None = None
    content_type: str | None = None
    etag: str | None = None
    age_ms: int | None = None
    fresh_for_ms: int | None = None
    tags: tuple[str, ...] = ()


class BatchAnswer(Struct, frozen=True):
    """In the order of the operations."""

    results: list[OneResult]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A put whose form is right."""

    key: str
    content: Content
    times: Times


def endpoints(entries: Entries) -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            PATH,
            _Batches(entries).do,
            "Up to a thousand gets, puts and deletes",
            TAG,
            body=BatchRequest,
            answers={200: BatchAnswer},
            scope="cache:read",
            description="Puts and deletes need `cache:write` too. Each is kept or refused by itself. One "
            "of a wrong form refuses all of them, and nothing is done.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Batches:
    entries: Entries

    async def do(self, call: Call) -> web.StreamResponse:
        space = self.entries.space(call)
        request: BatchRequest = call.body
        if not all(isinstance(one, Get) for one in request.operations):
            assert call.caller is not None, "the endpoint has a scope"
            if WRITING not in call.caller.scopes:
                raise forbidden(WRITING)
        puts = iter(self._checked(space, request.operations))
        local, room = not asks_store(call.request), ANSWER_BYTES_MAX
        results: list[OneResult] = []
        for kind, group in groupby(request.operations, type):
            keys = [one.key for one in group]
            if kind is Get:
                found = await self._get(space, keys, room, local=local)
                room -= sum(len(one.body or b"") for one in found)
            elif kind is Put:
                found = await self._put(space, list(islice(puts, len(keys))))
            else:
                found = await self._delete(space, keys)
            results += found
        return json_answer(BatchAnswer(results))

    def _checked(self, space: Space, operations: Sequence[Operation]) -> list[_Kept]:
        """The puts. Problem: an operation has no right form, and which."""
        kept = []
        for number, one in enumerate(operations):
            try:
                key = checked_key(one.key)
                if isinstance(one, Put):
                    content = Content(one.body, one.content_type, tags_in(" ".join(one.tags)))
                    kept.append(_Kept(key, content, self.entries.times(space, one.cache_control)))
                    if len(one.body) > space.body_bytes_max:
                        raise ValueError(f"{len(one.body)} bytes, {space.body_bytes_max} are allowed")
            except (ValueError, NotStorable) as wrong:
                place = f"#/operations/{number}"
                told = [{"pointer": place, "detail": str(wrong)}]
                raise invalid_request(f"{wrong} at {place}", errors=told) from None
        return kept

    async def _get(self, space: Space, keys: Sequence[str], room: int, *, local: bool) -> list[OneResult]:
        results: list[OneResult] = []
        for at in range(0, len(keys), TRIP_MAX):
            trip = keys[at : at + TRIP_MAX]
            if room <= 0:
                results += [OneResult(key, 413) for key in trip]
                continue
            found = await self.entries.cache.get_many(space, trip, local=local)
            for key, one in zip(trip, found, strict=True):
                results.append(self._got(key, one, room))
                room -= len(results[-1].body or b"")
        return results

    def _got(self, key: str, found: Entry | Miss, room: int) -> OneResult:
        if isinstance(found, Miss):
            return OneResult(key, 404)
        content, now_ms = found.content, self.entries.cache.now_ms()
        if len(content.body) > room:
            return OneResult(key, 413)
        return OneResult(
            key,
            200,
            content.body,
            content.content_type,
            content.etag,
            found.age_ms(now_ms),
            found.fresh_for_ms(now_ms),
            content.tags,
        )

    async def _put(self, space: Space, kept: Sequence[_Kept]) -> list[OneResult]:
        try:
            over = await self.entries.quotas.admit(space, sum(len(one.content.body) for one in kept))
            if over is not None:
                return [OneResult(one.key, 507) for one in kept]
            wanted = [(one.key, one.content, one.times) for one in kept]
            stored = await self.entries.cache.put_many(space, wanted)
        except StoreUnavailable:
            return [OneResult(one.key, 503) for one in kept]
        return [_put(one, done) for one, done in zip(kept, stored, strict=True)]

    async def _delete(self, space: Space, keys: Sequence[str]) -> list[OneResult]:
        try:
            await self.entries.cache.purge(space, keys=keys)
        except StoreUnavailable:
            return [OneResult(key, 503) for key in keys]
        return [OneResult(key, 204) for key in keys]


def _put(kept: _Kept, done: Stored | Full | StoreUnavailable) -> OneResult:
    if isinstance(done, Stored):
        return OneResult(kept.key, 204, etag=kept.content.etag)
    return OneResult(kept.key, 507 if isinstance(done, Full) else 503)
