"""The catalogue over HTTP: anyone reads it; an agency writes its own services, the authority all."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import msgspec
from aiohttp import web
from msgspec import Struct

from sadd.catalogue.model import Agency, App, Entry, Service
from sadd.catalogue.selection import require
from sadd.catalogue.view import CatalogueView, State
from sadd.postgres.pool import Pool
from sadd.web import catalogue_edits as edits
from sadd.web.catalogue_queries import (
    AgencyQuery,
    AppQuery,
    ServiceQuery,
    listing,
    refusing,
    selection,
)
from sadd.web.conditions import tagged
from sadd.web.endpoint import Call, Endpoint, Handler
from sadd.web.paging import Key

TAG = "catalogue"
ROOT = "/v1/catalogue"
LIST_CACHE = "public, max-age=10"
ENTRY_CACHE = "no-cache"
"""Kept by anyone, but asked about each time: an editor must never change what is long gone."""

CACHED = {"If-None-Match": "The `ETag` that the caller has; 304 if it still holds."}


class ServicePage(Struct, frozen=True):
    """``total`` counts all that meets the filters; without ``next_cursor`` the page is the last."""

    items: list[Service]
    total: int
    next_cursor: str | None


class AgencyPage(Struct, frozen=True):
    items: list[Agency]
    total: int
    next_cursor: str | None


class AppPage(Struct, frozen=True):
    items: list[App]
    total: int
    next_cursor: str | None


def endpoints(
    view: CatalogueView, pool: Pool, *, authority: str, today: Callable[[], date] = date.today
) -> list[Endpoint]:
    """All endpoints of the catalogue. Keys of ``authority``, an agency's id, may write every service."""
    return [*_lists(_Reads(view, today)), *edits.endpoints(view, pool, authority, today)]


def _lists(reads: "_Reads") -> list[Endpoint]:
    return [
        _list_of("services", reads.services, ServiceQuery, ServicePage),
        _one_of("services", reads.service, Service),
        _list_of("agencies", reads.agencies, AgencyQuery, AgencyPage),
        _one_of("agencies", reads.agency, Agency),
        _list_of("apps", reads.apps, AppQuery, AppPage),
        _one_of("apps", reads.app, App),
    ]


def _list_of(kind: str, handle: Handler, query: type[Struct], page: type[Struct]) -> Endpoint:
    summary = "List services, or search them" if kind == "services" else f"List {kind}"
    answers = {200: page, 304: None}
    return Endpoint(
        "GET", f"{ROOT}/{kind}", handle, summary, TAG, query=query, answers=answers, headers=CACHED
    )


def _one_of(kind: str, handle: Handler, entry: type[Struct]) -> Endpoint:
    summary = f"Get one of the {kind}"
    answers = {200: entry, 304: None}
    return Endpoint("GET", f"{ROOT}/{kind}/{{id}}", handle, summary, TAG, answers=answers, headers=CACHED)


@dataclass(frozen=True, slots=True)
class _Reads:
    """Answers from the worker's memory alone. Each takes one state and sees no change meanwhile."""

    view: CatalogueView
    today: Callable[[], date]

    async def services(self, call: Call) -> web.StreamResponse:
        query: ServiceQuery = call.query
        state = self.view.state
        services = state.catalogue.services
        with refusing():
            passes = selection(query).test(state.catalogue, self.today())
        keys = [key for key in _services(state, query.q) if passes(services[key[1]])]
        page, following = listing(query).page(keys)
        return _list(call, ServicePage([services[id_] for _, id_ in page], len(keys), following))

    async def agencies(self, call: Call) -> web.StreamResponse:
        state = self.view.state
        agencies = state.catalogue.agencies
        keys = [(0, id_) for id_ in state.order["agencies"] if agencies[id_].status != "retired"]
        page, following = listing(call.query).page(keys)
        return _list(call, AgencyPage([agencies[id_] for _, id_ in page], len(keys), following))

    async def apps(self, call: Call) -> web.StreamResponse:
        query: AppQuery = call.query
        state = self.view.state
        apps = state.catalogue.apps
        with refusing():
            require("agency", query.agency, state.catalogue.agencies)
        fits = (app for app in map(apps.__getitem__, state.order["apps"]) if app.status != "retired")
        keys = [(0, app.id) for app in fits if query.agency in (None, app.agency)]
        page, following = listing(query).page(keys)
        return _list(call, AppPage([apps[id_] for _, id_ in page], len(keys), following))

    async def service(self, call: Call) -> web.StreamResponse:
        return _entry(call, self.view.current.services, "service")

    async def agency(self, call: Call) -> web.StreamResponse:
        return _entry(call, self.view.current.agencies, "agency")

    async def app(self, call: Call) -> web.StreamResponse:
        return _entry(call, self.view.current.apps, "app")


def _services(state: State, q: str) -> Iterator[Key]:
    if q:
        return ((hit.rank, hit.id) for hit in state.index.search(q))
    return ((0, id_) for id_ in state.order["services"])


def _list(call: Call, page: ServicePage | AgencyPage | AppPage) -> web.StreamResponse:
    return tagged(call.request, msgspec.json.encode(page), LIST_CACHE)


def _entry(call: Call, of_kind: Mapping[str, Entry], what: str) -> web.StreamResponse:
    id_ = call.request.match_info["id"]
    if (entry := of_kind.get(id_)) is None:
        raise edits.unknown(what, id_)
    return tagged(call.request, msgspec.json.encode(entry), ENTRY_CACHE)
