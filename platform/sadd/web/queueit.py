"""Queue-it's connectors: visitors come in by a site's redirect, and go back to it with a token.

    site --302--> /queueit/?c&e&t --302--> /queue/{room}/queueit?service&path&via
                                                | no pass yet            | a pass
                                                v                        v
                                    /queue/{room}?service&path&via    site/path?queueittoken=…
                                         (the waiting page) ------------^

A visitor is only ever sent to a registered URL: what a connector names is compared with those of the
connection's services, and what goes on from there is a service's id and a path. A pass gives one token.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol
from urllib.parse import urlencode

from aiohttp import web

from queueing.passes import InvalidPass, Pass, PassOffice
from queueing.spent import SpentPasses
from queueing.standing import Standing
from queueing.store import StoreUnavailable
from sadd.catalogue.model import Catalogue, Service
from sadd.queueit.config import PREFIX, integration_config
from sadd.queueit.connection import Connection
from sadd.queueit.parameters import ERRORS, Arrival, arrival_of, cancelled_of, error_of
from sadd.queueit.targets import Target, path_of, target_of, url_of
from sadd.queueit.token import Token, queue_id_of, sign
from sadd.rooms.spec import RoomSpec
from sadd.web import queueit_page as pages
from sadd.web.answer import encode_json
from sadd.web.challenge import Address
from sadd.web.conditions import tagged
from sadd.web.endpoint import Call, Endpoint, Handler
from sadd.web.problem import Problem
from sadd.web.queue_answers import TICKET_COOKIE, ticket_cookie
from sadd.web.visits import Visit, Visits

TAG = "queue-it"
CONFIG_CACHE = "public, max-age=60"
MARK_BYTES = 8
MULTIPLE = "multiple"
"""Where the path of a cancellation has this instead of a customer, the customer follows."""


class Connections(Protocol):
    """What is asked of the connections' view."""

    @property
    def current(self) -> Mapping[str, Connection]: ...


class RoomSpecs(Protocol):
    """What is asked of the rooms' view."""

    @property
    def current(self) -> Mapping[str, RoomSpec]: ...

    def of_service(self, service_id: str) -> RoomSpec | None: ...


class Catalogues(Protocol):
    """What is asked of the catalogue's view."""

    @property
    def current(self) -> Catalogue: ...


@dataclass(frozen=True, slots=True)
class QueueItStats:
    arrivals: int
    tokens: int
    spent: int
    """Passes that were shown for a second token."""
    nowhere: int
    """Arrivals with a target, an event or a customer that is not registered."""
    cancelled: int
    errors: dict[str, int]
    """Visitors whom a connector sent back, by its reason."""


class QueueIt:
    """The connectors' side. One for each worker; ``clock`` is in seconds since the epoch."""

    def __init__(
        self,
        connections: Connections,
        specs: RoomSpecs,
        catalogues: Catalogues,
        visits: Visits,
        passes: PassOffice,
        spent: SpentPasses,
        address: Address,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connections = connections
        self._specs = specs
        self._catalogues = catalogues
        self._visits = visits
        self._passes = passes
        self._spent = spent
        self._address = address
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._errors: Counter[str] = Counter(dict.fromkeys((*ERRORS, "other"), 0))

    async def enter(self, call: Call) -> web.StreamResponse:
        """A site sends a visitor: the room's own door is next, where the cookie of the room is seen."""
        self._counts["arrivals"] += 1
        way = self._way_of(arrival_of(call.request.query))
        return self._nowhere() if way is None else _moved(way.door)

    async def go(self, call: Call) -> web.StreamResponse:
        """On to the site with a token, for who has a pass or gets one at once; else to the waiting page."""
        way = self._way_here(call.request)
        if way is None:
            return self._nowhere()
        try:
            standing = await self._standing(call.request, way)
        except Problem:
            return _moved(way.page)  # which says what is the matter, in the visitor's language
        response = await self._onward(call.request, way, standing)
        shown = call.request.cookies.get(TICKET_COOKIE, "")
        if standing is not None and (
            cookie := ticket_cookie(way.spec.id, standing, shown=shown, path=way.path)
        ):
            response.headers.add("Set-Cookie", cookie)
        return response

    async def anew(self, call: Call) -> web.StreamResponse:
        """The ticket is forgotten here, for a new number. The slot goes on to be held until its pass ends."""
        way = self._way_here(call.request)
        if way is None:
            return self._nowhere()
        response = _moved(way.page)
        response.del_cookie(TICKET_COOKIE, path=way.path, secure=True, httponly=True, samesite="Lax")
        return response

    async def refused(self, call: Call) -> web.StreamResponse:
        """A connector did not take a token or a cookie: say why, and show the way back."""
        reason = error_of(call.request.match_info["reason"])
        self._errors[reason] += 1
        way = self._way_of(arrival_of(call.request.query))
        said = {"timestamp": pages.LATE, "ip": pages.MOVED}.get(reason, pages.REFUSED)
        return self._nowhere() if way is None else pages.page(said, 403, link=way.door)

    async def cancelled(self, call: Call) -> web.StreamResponse:
        """Visitors are done: their slots are free at once. Only visitor and site know a queue id."""
        customer, _, rest = call.request.match_info["rest"].strip("/").partition("/")
        places = rest.replace("/", "~")
        if customer == MULTIPLE:
            customer, places = rest, call.request.query.get("wrl", "")
        connection = self._connections.current.get(customer.lower())
        if connection is None:
            return self._nowhere()
        for place in cancelled_of(places):
            spec = self._room(connection, place.event)
            if spec is not None:
                await self._end(spec, place.pass_id)
        target = target_of(call.request.query.get("r", ""), self._services(connection))
        if target is None:
            return pages.page(pages.DONE, 200)
        return _moved(url_of(self._catalogues.current.services[target.service], target.path))

    async def config(self, call: Call) -> web.StreamResponse:
        """The configuration that a connector reads every few minutes. It has no secret."""
        connection = self._connections.current.get(call.request.match_info["customer"].lower())
        if connection is None:
            raise Problem(404, "unknown-customer", "No site is connected under this name.")
        services = {service.id: service for service in self._services(connection)}
        rooms = {id_: spec.id for id_ in services if (spec := self._specs.of_service(id_)) is not None}
        return tagged(
            call.request, encode_json(integration_config(connection, rooms, services)), CONFIG_CACHE
        )

    def stats(self) -> QueueItStats:
        counts = self._counts
        return QueueItStats(
            arrivals=counts["arrivals"],
            tokens=counts["tokens"],
            spent=counts["spent"],
            nowhere=counts["nowhere"],
            cancelled=counts["cancelled"],
            errors=dict(self._errors),
        )

    # -- ways ----------------------------------------------------------------

    def _way_of(self, arrival: Arrival | None) -> "_Way | None":
        """Where an arrival leads; None: customer, event or target is none of the registered ones."""
        connection = self._connections.current.get(arrival.customer) if arrival is not None else None
        if arrival is None or connection is None:
            return None
        spec = self._room(connection, arrival.event)
        if spec is None:
            return None
        services = [service for service in self._services(connection) if service.id in spec.services]
        if not arrival.target_url:
            return _Way(connection, spec, Target(services[0].id, "/"), arrival.lang)
        target = target_of(arrival.target_url, services)
        return None if target is None else _Way(connection, spec, target, arrival.lang)

    def _way_here(self, request: web.Request) -> "_Way | None":
        """The same of an address of ours, of which no part is believed either."""
        connection = self._connections.current.get(request.query.get("via", ""))
        spec = self._specs.current.get(request.match_info["room"])
        service, path = request.query.get("service", ""), path_of(request.query.get("path", "/"))
        if connection is None or spec is None or path is None:
            return None
        known = service in connection.settings.services and service in spec.services
        lang = request.query.get("lang")
        return _Way(connection, spec, Target(service, path), lang) if known else None

    def _room(self, connection: Connection, event: str) -> RoomSpec | None:
        """The room that a site means by the event, if one of its services has that door."""
        spec = self._specs.current.get(connection.room_of(event) or "")
        living = spec is not None and any(one.id in spec.services for one in self._services(connection))
        return spec if living else None

    def _services(self, connection: Connection) -> Iterator[Service]:
        services = self._catalogues.current.services
        for id_ in connection.settings.services:
            service = services.get(id_)
            if service is not None and service.status != "retired":
                yield service

    def _nowhere(self) -> web.Response:
        self._counts["nowhere"] += 1
        return pages.page(pages.NOWHERE, 404)

    # -- turns ---------------------------------------------------------------

    async def _standing(self, request: web.Request, way: "_Way") -> Standing | None:
        """Where the visitor stands, after a join if nobody waits; None: no place yet. Raises Problem."""
        ticket = request.cookies.get(TICKET_COOKIE, "")
        visit = Visit(way.spec.id, ticket, request.headers.copy(), request.remote or "")
        try:
            status = await self._visits.rooms.status(way.spec.room)
        except StoreUnavailable:
            return None
        if status.state == "open":
            return await self._visits.join(visit)  # a place that he has is given back
        return await self._visits.standing(visit) if ticket else None

    async def _onward(self, request: web.Request, way: "_Way", standing: Standing | None) -> web.Response:
        granted = self._pass(way, standing)
        if granted is None:
            return _moved(way.page)
        keep_ms = max(granted.ends_s * 1000 - int(self._clock() * 1000), 0)
        try:
            spending = await self._spent.spend(way.spec.id, granted.id, self._mark(request), keep_ms)
        except StoreUnavailable:
            return _moved(way.page)
        if spending == "spent":
            self._counts["spent"] += 1
            return pages.page(pages.SPENT, 403, form=way.door)
        self._counts["tokens"] += 1
        service = self._catalogues.current.services[way.target.service]
        return _moved(url_of(service, way.target.path, self._token(request, way, granted)))

    def _pass(self, way: "_Way", standing: Standing | None) -> Pass | None:
        if standing is None or standing.admission is None:
            return None
        try:
            return self._passes.read(standing.admission, way.spec.id)
        except InvalidPass:  # it ended on the way
            return None

    def _token(self, request: web.Request, way: "_Way", granted: Pass) -> str:
        settings, now_s = way.connection.settings, int(self._clock())
        minutes = max((granted.ends_s - now_s) // 60, 1)
        token = Token(
            event=way.connection.event_of(way.spec.id),
            queue_id=queue_id_of(granted.id),
            ends_s=now_s + settings.token_seconds,
            cookie_minutes=minutes if settings.cookie == "pass" else None,
            address=(self._address.of(request) or None) if settings.bind_address else None,
        )
        return sign(token, way.connection.secret)

    def _mark(self, request: web.Request) -> bytes:
        """Tells one visitor's repeat from another visitor's."""
        said = f"{self._address.of(request)}\0{request.headers.get('User-Agent', '')}"
        return sha256(said.encode("utf-8", "surrogateescape")).digest()[:MARK_BYTES]

    async def _end(self, spec: RoomSpec, pass_id: str) -> None:
        try:
            await self._visits.rooms.end(spec.room, pass_id, back=False)
        except StoreUnavailable:
            return  # the slot is free when the pass ends
        self._counts["cancelled"] += 1


@dataclass(frozen=True, slots=True)
class _Way:
    """Whose visitor it is, through which room, and where to after it."""

    connection: Connection
    spec: RoomSpec
    target: Target
    lang: str | None = None

    @property
    def path(self) -> str:
        """Of the room, and so of its cookie."""
        return f"/queue/{self.spec.id}"

    @property
    def page(self) -> str:
        """The waiting page."""
        return f"{self.path}?{self._query}"

    @property
    def door(self) -> str:
        """Where a pass becomes a token."""
        return f"{self.path}/queueit?{self._query}"

    @property
    def _query(self) -> str:
        said = {"service": self.target.service, "path": self.target.path}
        said["via"] = self.connection.settings.customer
        if self.lang in ("ar", "en"):
            said["lang"] = str(self.lang)
        return urlencode(said)


def _moved(address: str) -> web.Response:
    """A redirect that nobody keeps, and that tells nobody where it came from: there may be a token in it."""
    headers = {"Location": address, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(status=303, headers=headers)


def endpoints(queueit: QueueIt) -> list[Endpoint]:
    moved, shown = {303: None, 404: None}, "text/html"
    read = "As connectors read it: which addresses of the site need a pass. It has no secret."

    def endpoint(
        method: str, path: str, handle: Handler, summary: str, answers: Mapping[int, object]
    ) -> Endpoint:
        return Endpoint(
            method, path, handle, summary, TAG, answers=answers, media_type=shown, open_query=True
        )

    return [
        endpoint("GET", f"/{PREFIX}/", queueit.enter, "A connector sends a visitor", moved),
        endpoint(
            "GET", f"/{PREFIX}/error/{{reason:.*}}", queueit.refused, "A token was refused", {403: None}
        ),
        endpoint(
            "GET",
            f"/{PREFIX}/cancel/{{rest:.*}}",
            queueit.cancelled,
            "A visitor is done",
            {200: None, **moved},
        ),
        endpoint("GET", "/queue/{room}/queueit", queueit.go, "From a pass to a token", {**moved, 403: None}),
        endpoint("POST", "/queue/{room}/queueit", queueit.anew, "Forget the ticket", moved),
        *(
            Endpoint(
                "GET",
                f"/{PREFIX}/status/integrationconfig/{secure}{{customer}}",
                queueit.config,
                "A connector's configuration",
                TAG,
                answers={200: None, 304: None, 404: None},
                open_query=True,
                description=read,
            )
            for secure in ("", "secure/")
        ),
    ]
