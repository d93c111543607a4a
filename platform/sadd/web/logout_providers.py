"""Providers of OpenID Connect that an agency lets end its sessions, over HTTP."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import asyncpg
from aiohttp import web
from msgspec import Meta, Struct

from sadd.logout import providers
from sadd.logout.providers import Provider
from sadd.postgres.pool import Pool
from sadd.rooms.webhook_signing import new_id
from sadd.rooms.webhook_target import URL_LENGTH_MAX, Forbidden, check_url
from sadd.web.answer import json_answer
from sadd.web.endpoint import Call, Endpoint
from sadd.web.logout_answers import SCOPE, TAG, actor_of, database, url_refused, whose_of
from sadd.web.problem import Problem

ROOT = "/v1/sessions/logout/providers"
BACKCHANNEL = "/v1/sessions/logout/backchannel"
BODY_BYTES_MAX = 4_096

Url = Annotated[str, Meta(min_length=1, max_length=URL_LENGTH_MAX)]


class ProviderRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``issuer`` and ``audience`` (your client id there) as they stand in its tokens, letter for letter.

    Without ``jwks_uri`` its keys are where its discovery document says.
    """

    issuer: Url
    audience: Annotated[str, Meta(min_length=1, max_length=255)]
    jwks_uri: Url | None = None


class ProviderAnswer(Struct, frozen=True):
    """``backchannel_logout_path``: what to give the provider, behind your platform's own address."""

    id: str
    agency: str
    issuer: str
    audience: str
    jwks_uri: str | None
    created_at: datetime
    backchannel_logout_path: str


class ProvidersAnswer(Struct, frozen=True):
    providers: list[ProviderAnswer]


def endpoints(pool: Pool, *, authority: str, to_loopback: bool) -> list[Endpoint]:
    own = _Providers(pool, authority, to_loopback)
    return [
        Endpoint(
            "POST",
            ROOT,
            own.create,
            "Let a provider end sessions",
            TAG,
            body=ProviderRequest,
            body_bytes_max=BODY_BYTES_MAX,
            answers={201: ProviderAnswer, 409: None, 503: None},
            scope=SCOPE,
            description="Its logout tokens end sessions whose `subject` is their `sub`, or which were begun "
            "with their `sid`.",
        ),
        Endpoint(
            "GET",
            ROOT,
            own.list,
            "The providers of your agency",
            TAG,
            answers={200: ProvidersAnswer, 503: None},
            scope=SCOPE,
        ),
        Endpoint(
            "DELETE",
            f"{ROOT}/{{id}}",
            own.delete,
            "Believe a provider no more",
            TAG,
            answers={204: None, 404: None, 503: None},
            scope=SCOPE,
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Providers:
    pool: Pool
    authority: str
    to_loopback: bool

    async def create(self, call: Call) -> web.StreamResponse:
        body: ProviderRequest = call.body
        for field in ("issuer", "jwks_uri"):
            if (url := getattr(body, field)) is not None:
                self._check(field, url)
        now = datetime.now(UTC)
        wish = Provider(new_id("lp"), call.agency, body.issuer, body.audience, body.jwks_uri, now)
        with database():
            try:
                made = await providers.create(self.pool, wish, actor_of(call))
            except asyncpg.UniqueViolationError:
                detail = "Your agency has it already, with this audience."
                raise Problem(409, "known-provider", "There is such a provider.", detail) from None
        if made is None:
            detail = f"An agency has {providers.PER_AGENCY_MAX} at most; delete one that nobody needs."
            raise Problem(409, "too-many-providers", "There are as many providers as there may be.", detail)
        return json_answer(_answer(made), 201)

    def _check(self, field: str, url: str) -> None:
        try:
            check_url(url, to_loopback=self.to_loopback)
        except Forbidden as wrong:
            raise url_refused(field, str(wrong)) from None

    async def list(self, call: Call) -> web.StreamResponse:
        with database():
            found = await providers.all_of(self.pool, whose_of(call, self.authority))
        return json_answer(ProvidersAnswer([_answer(one) for one in found]))

    async def delete(self, call: Call) -> web.StreamResponse:
        id_, whose = call.request.match_info["id"], whose_of(call, self.authority)
        with database():
            there_was = await providers.delete(self.pool, id_, whose, actor_of(call))
        if not there_was:
            raise Problem(404, "unknown-provider", "There is no such provider.")
        return web.Response(status=204)


def _answer(one: Provider) -> ProviderAnswer:
    path = f"{BACKCHANNEL}/{one.id}"
    return ProviderAnswer(one.id, one.agency, one.issuer, one.audience, one.jwks_uri, one.created_at, path)
