"""Who is told that sessions were ended, over HTTP; and the keys that our logout tokens are signed with."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from sadd.logout import receivers
from sadd.logout.receivers import Kind, Receiver, Wish
from sadd.postgres.pool import Pool
from sadd.rooms.webhook_signing import SECRET_BYTES, new_id, shown
from sadd.rooms.webhook_target import URL_LENGTH_MAX, Forbidden, check_url
from sadd.web.answer import json_answer
from sadd.web.conditions import tagged
from sadd.web.endpoint import Call, Endpoint
from sadd.web.logout_answers import SCOPE, TAG, actor_of, database, url_refused, whose_of
from sadd.web.problem import Problem, invalid_request
from sadd.web.protected import View, owned

ROOT = "/v1/sessions/logout/receivers"
ONE = f"{ROOT}/{{id}}"
KEYS = "/v1/sessions/logout/jwks.json"
KEYS_CACHE = "public, max-age=300"
BODY_BYTES_MAX = 4_096


class ReceiverRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to tell of ended sessions. ``audience``: the client id of a relying party, for ``oidc``."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=URL_LENGTH_MAX,
            description="https, on the open internet.",
            examples=["https://results.moehe.gov.example/signed-out"],
        ),
    ]
    kind: Kind = "webhook"
    service: Annotated[str, Meta(max_length=200, description="One; else all of your agency.")] | None = None
    audience: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class ReceiverAnswer(Struct, frozen=True):
    """``waiting`` messages are still to be taken; ``given_up`` were tried for three days in vain."""

    id: str
    agency: str
    kind: Kind
    service: str | None
    url: str
    audience: str | None
    created_at: datetime
    disabled_at: datetime | None
    waiting: int
    given_up: int
    last_error: str | None


class NewReceiverAnswer(ReceiverAnswer, frozen=True):
    """As ``ReceiverAnswer``; a webhook's secret cannot be asked for again. ``issuer``: of our tokens."""

    secret: str | None
    issuer: str | None


class ReceiversAnswer(Struct, frozen=True):
    receivers: list[ReceiverAnswer]


class Keys(Protocol):
    """sadd.logout.keys."""

    def jwks(self) -> Mapping[str, Any]: ...


def endpoints(
    pool: Pool, view: View, keys: Keys, *, issuer: str, authority: str, to_loopback: bool
) -> list[Endpoint]:
    """``issuer`` empty: no logout tokens are sent."""
    own = _Receivers(pool, view, keys, issuer, authority, to_loopback)
    return [
        Endpoint(
            "POST",
            ROOT,
            own.create,
            "Be told of ended sessions",
            TAG,
            body=ReceiverRequest,
            body_bytes_max=BODY_BYTES_MAX,
            answers={201: NewReceiverAnswer, 404: None, 409: None, 503: None},
            scope=SCOPE,
            description="`webhook`: messages signed as the Standard Webhooks specification has it. `oidc`: "
            "logout tokens of OpenID Connect Back-Channel Logout 1.0, signed with ES256 by a key of "
            f"`{KEYS}`. Each is sent until you answer 2xx, so the same `webhook-id` or `jti` may come twice.",
        ),
        Endpoint(
            "GET",
            ROOT,
            own.list,
            "Who is told of ended sessions",
            TAG,
            answers={200: ReceiversAnswer, 503: None},
            scope=SCOPE,
        ),
        Endpoint(
            "DELETE",
            ONE,
            own.delete,
            "Be told no more",
            TAG,
            answers={204: None, 404: None, 503: None},
            scope=SCOPE,
            description="What was still to be sent is not.",
        ),
        Endpoint(
            "POST",
            f"{ONE}/test",
            own.test,
            "Send a message that says nothing",
            TAG,
            answers={202: None, 404: None, 503: None},
            scope=SCOPE,
            description="To a webhook only. Its type is `session.test`; it is sent as any other is.",
        ),
        Endpoint(
            "GET",
            KEYS,
            own.keys_document,
            "The keys of our logout tokens",
            TAG,
            description="A JSON Web Key Set. A new key is in it ten minutes before it signs.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Receivers:
    pool: Pool
    view: View
    keys: Keys
    issuer: str
    authority: str
    to_loopback: bool

    async def create(self, call: Call) -> web.StreamResponse:
        body: ReceiverRequest = call.body
        self._check(call, body)
        secret = secrets.token_bytes(SECRET_BYTES) if body.kind == "webhook" else None
        wish = Wish(new_id("lr"), call.agency, body.service, body.kind, body.url, body.audience, secret)
        with database():
            made = await receivers.create(self.pool, wish, actor_of(call))
        if made is None:
            detail = f"An agency has {receivers.PER_AGENCY_MAX} at most; delete one that nobody needs."
            raise Problem(409, "too-many-receivers", "There are as many receivers as there may be.", detail)
        issuer = self.issuer if made.kind == "oidc" else None
        told = msgspec.structs.asdict(_answer(made))
        kept = None if secret is None else shown(secret)
        return json_answer(NewReceiverAnswer(**told, secret=kept, issuer=issuer), 201)

    def _check(self, call: Call, body: ReceiverRequest) -> None:
        if body.service is not None:
            owned(self.view, call.agency, body.service)
        if (body.kind == "oidc") != (body.audience is not None):
            detail = "a relying party has an audience, a webhook none at #/audience"
            raise invalid_request(detail, errors=[{"pointer": "#/audience", "detail": detail}])
        if body.kind == "oidc" and not self.issuer:
            detail = "The platform has no issuer (SADD_SESSIONS_ISSUER): it sends no logout tokens."
            raise Problem(409, "no-issuer", "No logout tokens are sent here.", detail)
        try:
            check_url(body.url, to_loopback=self.to_loopback)
        except Forbidden as wrong:
            raise url_refused("url", str(wrong)) from None

    async def list(self, call: Call) -> web.StreamResponse:
        with database():
            found = await receivers.all_of(self.pool, whose_of(call, self.authority))
        return json_answer(ReceiversAnswer([_answer(one) for one in found]))

    async def delete(self, call: Call) -> web.StreamResponse:
        id_, whose = call.request.match_info["id"], whose_of(call, self.authority)
        with database():
            there_was = await receivers.delete(self.pool, id_, whose, actor_of(call))
        if not there_was:
            raise _unknown()
        return web.Response(status=204)

    async def test(self, call: Call) -> web.StreamResponse:
        with database():
            found = await receivers.test(
                self.pool, call.request.match_info["id"], whose_of(call, self.authority)
            )
        if not found:
            raise _unknown()
        return web.Response(status=202)

    async def keys_document(self, call: Call) -> web.StreamResponse:
        return tagged(call.request, msgspec.json.encode(self.keys.jwks()), KEYS_CACHE)


def _unknown() -> Problem:
    return Problem(404, "unknown-receiver", "There is no such receiver.")


def _answer(one: Receiver) -> ReceiverAnswer:
    return ReceiverAnswer(
        id=one.id,
        agency=one.agency,
        kind=one.kind,
        service=one.service,
        url=one.url,
        audience=one.audience,
        created_at=one.created_at,
        disabled_at=one.disabled_at,
        waiting=one.waiting,
        given_up=one.given_up,
        last_error=one.last_error,
    )
