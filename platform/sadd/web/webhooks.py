"""Webhooks over HTTP: who is told what becomes of an agency's rooms."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from sadd.postgres.pool import Pool
from sadd.rooms import webhooks
from sadd.rooms.store import StoreUnavailable
from sadd.rooms.view import RoomsView
from sadd.rooms.webhook_events import EVENTS, Event
from sadd.rooms.webhook_signing import SECRET_BYTES, new_id, shown
from sadd.rooms.webhook_target import URL_LENGTH_MAX, Forbidden, check_url
from sadd.rooms.webhooks import Message, Webhook
from sadd.web.answer import json_answer
from sadd.web.away import store_away
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem, invalid_request
from sadd.web.room_answers import unknown_room

TAG = "webhooks"
SCOPE = "queues:admin"
ROOT = "/v1/webhooks"
ONE = f"{ROOT}/{{id}}"
BODY_BYTES_MAX = 4_096


class WebhookRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to tell of what."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=URL_LENGTH_MAX,
            description="https, on the open internet.",
            examples=["https://hooks.moehe.gov.example/queues"],
        ),
    ]
    events: Annotated[tuple[Event, ...], Meta(min_length=1, max_length=len(EVENTS))] = EVENTS
    room: Annotated[str, Meta(max_length=200, description="One room; else all of your agency.")] | None = None


class WebhookAnswer(Struct, frozen=True):
    """``waiting`` messages are still to be taken; ``given_up`` were tried for three days in vain."""

    id: str
    agency: str
    room: str | None
    url: str
    events: list[str]
    created_at: datetime
    disabled_at: datetime | None
    waiting: int
    given_up: int
    last_error: str | None


class NewWebhookAnswer(WebhookAnswer, frozen=True):
    """As ``WebhookAnswer``, with the secret: keep it, it cannot be asked for again."""

    secret: str


class WebhooksAnswer(Struct, frozen=True):
    webhooks: list[WebhookAnswer]


def endpoints(pool: Pool, specs: RoomsView, *, authority: str, to_loopback: bool) -> list[Endpoint]:
    hooks = _Webhooks(pool, specs, authority, to_loopback)
    return [
        Endpoint(
            "POST",
            ROOT,
            hooks.create,
            "Be told what becomes of rooms",
            TAG,
            body=WebhookRequest,
            body_bytes_max=BODY_BYTES_MAX,
            answers={201: NewWebhookAnswer, 404: None, 409: None, 503: None},
            scope=SCOPE,
            description="Messages are signed as the Standard Webhooks specification has it; verify them with "
            "the secret and any of its libraries. Each is sent until you answer 2xx, so the same "
            "`webhook-id` may come twice.",
        ),
        Endpoint(
            "GET",
            ROOT,
            hooks.list,
            "The webhooks of your agency",
            TAG,
            answers={200: WebhooksAnswer, 503: None},
            scope=SCOPE,
        ),
        Endpoint(
            "DELETE",
            ONE,
            hooks.delete,
            "Be told no more",
            TAG,
            answers={204: None, 404: None, 503: None},
            scope=SCOPE,
            description="What was still to be sent is not.",
        ),
        Endpoint(
            "POST",
            f"{ONE}/test",
            hooks.test,
            "Send a message that says nothing",
            TAG,
            answers={202: None, 404: None, 503: None},
            scope=SCOPE,
            description="Its type is `queue.test`. It is sent as any other is.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Webhooks:
    pool: Pool
    specs: RoomsView
    authority: str
    to_loopback: bool

    async def create(self, call: Call) -> web.StreamResponse:
        body: WebhookRequest = call.body
        agency = call.agency
        if body.room is not None:
            spec = self.specs.current.get(body.room)
            if spec is None or self._agency(call) not in (None, spec.agency):
                raise unknown_room()
            agency = spec.agency
        try:
            check_url(body.url, to_loopback=self.to_loopback)
        except Forbidden as wrong:
            detail = str(wrong)
            raise invalid_request(
                f"{detail} at #/url", errors=[{"pointer": "#/url", "detail": detail}]
            ) from None
        secret = secrets.token_bytes(SECRET_BYTES)
        with _database():
            made = await webhooks.create(
                self.pool,
                new_id("wh"),
                agency,
                body.room,
                body.url,
                sorted(set(body.events)),
                secret,
                _actor(call),
            )
        if made is None:
            detail = f"An agency has {webhooks.PER_AGENCY_MAX} at most; delete one that nobody needs."
            raise Problem(409, "too-many-webhooks", "There are as many webhooks as there may be.", detail)
        return json_answer(NewWebhookAnswer(*_told(made), shown(secret)), 201)

    async def list(self, call: Call) -> web.StreamResponse:
        with _database():
            found = await webhooks.all_of(self.pool, self._agency(call))
        return json_answer(WebhooksAnswer([WebhookAnswer(*_told(one)) for one in found]))

    async def delete(self, call: Call) -> web.StreamResponse:
        id_ = call.request.match_info["id"]
        with _database():
            there_was = await webhooks.delete(self.pool, id_, self._agency(call), _actor(call))
        if not there_was:
            raise _unknown()
        return web.Response(status=204)

    async def test(self, call: Call) -> web.StreamResponse:
        id_ = call.request.match_info["id"]
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        body = msgspec.json.encode({"type": "queue.test", "timestamp": now, "data": {}}).decode()
        with _database():
            if id_ not in {one.id for one in await webhooks.all_of(self.pool, self._agency(call))}:
                raise _unknown()
            async with webhooks.writing(self.pool) as connection:
                await webhooks.put(connection, [Message(id_, new_id("msg"), body)])
        return web.Response(status=202)

    def _agency(self, call: Call) -> str | None:
        return None if self.authority and call.agency == self.authority else call.agency


def _actor(call: Call) -> str:
    assert call.caller is not None, "the scope has been asked for"
    return call.caller.prefix


def _unknown() -> Problem:
    return Problem(404, "unknown-webhook", "There is no such webhook.")


def _told(
    one: Webhook,
) -> tuple[str, str, str | None, str, "list[str]", datetime, datetime | None, int, int, str | None]:
    """The fields of a WebhookAnswer, in its order."""
    return (
        one.id,
        one.agency,
        one.room,
        one.url,
        [*one.events],
        one.created_at,
        one.disabled_at,
        one.waiting,
        one.given_up,
        one.last_error,
    )


@contextlib.contextmanager
def _database() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable:
        raise store_away("Webhooks cannot be changed or listed meanwhile.") from None
