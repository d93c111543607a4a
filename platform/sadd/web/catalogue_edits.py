"""Writing to the catalogue over HTTP: one service at a time, by its agency, on the state that was seen."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import msgspec
from aiohttp import web

from sadd.catalogue import editing
from sadd.catalogue.editing import ANYTHING, NOTHING, Edited, Editor, Foreign, Invalid, Refusal
from sadd.catalogue.model import Service
from sadd.catalogue.store import StoreUnavailable
from sadd.catalogue.view import CatalogueView
from sadd.postgres.pool import Pool
from sadd.web.conditions import seen, tagged
from sadd.web.endpoint import Call, Endpoint
from sadd.web.fault import pointer
from sadd.web.problem import Problem, invalid_request

SCOPE = "catalogue:write"
PATH = "/v1/catalogue/services/{id}"

SERVICE_BYTES_MAX = 65_536
"""Of a service as JSON; the shipped ones have about a thousand."""

PRECONDITIONS = {
    "If-Match": "The `ETag` of the service that is to be changed; 412 if it is another by now.",
    "If-None-Match": "`*` to write only what is not there yet.",
}
PUT_MEANING = """\
Writes the whole service. To change one, send its `ETag` in `If-Match`; to make one, send
`If-None-Match: *` or nothing. The rules are those of `sadd catalogue check`. A key writes its own
agency's services; keys of the authority write all. Every change leaves a row in the audit."""
RETIRE_MEANING = """\
The service is found by its id for ever and offered to nobody. `If-Match` is welcome, not needed."""


def endpoints(view: CatalogueView, pool: Pool, authority: str, today: Callable[[], date]) -> list[Endpoint]:
    edits = _Edits(view, pool, authority, today)
    return [
        Endpoint(
            "PUT",
            PATH,
            edits.put,
            "Make or change a service",
            "catalogue",
            body=Service,
            body_bytes_max=SERVICE_BYTES_MAX,
            answers={200: Service, 201: Service, 412: None, 428: None, 503: None},
            scope=SCOPE,
            headers=PRECONDITIONS,
            description=PUT_MEANING,
        ),
        Endpoint(
            "DELETE",
            PATH,
            edits.retire,
            "Retire a service",
            "catalogue",
            answers={200: Service, 412: None, 503: None},
            scope=SCOPE,
            headers={"If-Match": PRECONDITIONS["If-Match"]},
            description=RETIRE_MEANING,
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Edits:
    view: CatalogueView
    pool: Pool
    authority: str
    today: Callable[[], date]

    async def put(self, call: Call) -> web.StreamResponse:
        service: Service = call.body
        if service.id != call.request.match_info["id"]:
            what = "is not the id in the path"
            raise invalid_request(f"id {what}", errors=[{"pointer": "#/id", "detail": what}])
        conditions = seen(call.request)
        expected = (NOTHING,) if conditions is None else conditions
        with _database():
            result = await editing.put(self.pool, self._editor(call), service, expected, self.today())
        return await self._answer(call, result, unconditional=conditions is None)

    async def retire(self, call: Call) -> web.StreamResponse:
        id_ = call.request.match_info["id"]
        conditions = seen(call.request)
        expected = (ANYTHING,) if conditions is None else conditions
        with _database():
            result = await editing.retire(self.pool, self._editor(call), id_, expected)
        if isinstance(result, editing.Stale) and result.current is None:
            raise unknown("service", id_)
        return await self._answer(call, result)

    def _editor(self, call: Call) -> Editor:
        assert call.caller is not None, "the scope has been asked for"
        everywhere = bool(self.authority) and call.agency == self.authority
        return Editor(call.caller.prefix, None if everywhere else call.agency)

    async def _answer(
        self, call: Call, result: Edited | Refusal, *, unconditional: bool = False
    ) -> web.StreamResponse:
        if not isinstance(result, Edited):
            raise _problem(result, unconditional=unconditional)
        # So that the writer reads what it wrote, from this worker at least; the others follow by NOTIFY,
        # as this one does if the database went away just now.
        with contextlib.suppress(StoreUnavailable, msgspec.ValidationError):
            await self.view.refresh()
        body = msgspec.json.encode(result.service)
        return tagged(call.request, body, "no-store", 201 if result.created else 200)


def unknown(what: str, id_: str) -> Problem:
    return Problem(404, "unknown-entry", "The catalogue has no such entry.", f"There is no {what} {id_!r}.")


def _problem(refusal: Refusal, *, unconditional: bool) -> Problem:
    if isinstance(refusal, Foreign):
        title = "The service belongs to another agency."
        return Problem(403, "foreign-agency", title, "A key writes the services of its own agency.")
    if isinstance(refusal, Invalid):
        errors = [
            {"pointer": pointer(tuple(map(str, finding.path))), "detail": finding.message}
            for finding in refusal.findings
        ]
        return invalid_request("The service breaks rules of the catalogue.", errors=errors)
    if unconditional:
        title = "The service exists; say which state of it you change."
        return Problem(428, "precondition-required", title, "Send its ETag in If-Match.")
    title = "The service is not what the precondition says."
    tag = {"ETag": f'"{editing.tag(refusal.current)}"'} if refusal.current else {}
    return Problem(
        412, "precondition-failed", title, "Get it again, and change what it says now.", headers=tag
    )


@contextlib.contextmanager
def _database() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable:
        title = "The catalogue cannot be changed now; reading goes on."
        raise Problem(503, "store-unavailable", title, headers={"Retry-After": "2"}) from None
