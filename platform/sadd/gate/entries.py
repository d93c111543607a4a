"""``POST /v1/queues/{room}/entries``: an app, or a service without a gate, exchanges its visitor's pass."""

from typing import Annotated

from aiohttp import hdrs, web
from msgspec import Meta, Struct, field

from queueing.passes import InvalidPass
from queueing.store import StoreUnavailable
from sadd.gate.exchange import Exchange, SpentPass, mark_of
from sadd.gate.refused import room_away
from sadd.rooms.view import RoomsView
from sadd.web.answer import json_answer
from sadd.web.endpoint import Call, Endpoint
from sadd.web.problem import Problem

TAG = "queues"
PATH = "/v1/queues/{room}/entries"
BODY_BYTES_MAX = 8_192

_ABOUT = (
    "Once: a second device with the same pass is refused. The entry is a JWT like the pass, of the type "
    "`sadd-entry+jwt`; the gate takes it in `Sadd-Entry` or as the cookie `sadd_entry_<service>`, and anyone "
    "can verify it offline. A repeat with the same `visitor` within ten seconds gets the same entry."
)


class EntryRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``visitor`` tells one visitor from another to who repeats a call for him: any text, kept as a hash."""

    service: Annotated[str, Meta(min_length=1, max_length=200)]
    pass_: Annotated[str, Meta(min_length=1, max_length=2_048)] = field(name="pass")
    visitor: Annotated[str, Meta(max_length=500)] = ""


class EntryAnswer(Struct, frozen=True):
    entry: str
    expires_in_ms: int


def endpoints(exchange: Exchange, view: RoomsView) -> list[Endpoint]:
    async def exchanged(call: Call) -> web.StreamResponse:
        request = call.request
        asked: EntryRequest = call.body
        spec = view.of_service(asked.service)
        if spec is None or spec.id != request.match_info["room"]:
            raise Problem(404, "unknown-room", "There is no such waiting room.")
        visitor = asked.visitor or request.headers.get(hdrs.USER_AGENT, "")
        mark = mark_of(request.remote or "", visitor)
        try:
            entry = await exchange.entry(spec, asked.service, asked.pass_, mark)
        except SpentPass:
            raise Problem(403, "invalid-pass", "This pass was spent before.", "Join the room anew.") from None
        except InvalidPass:
            raise Problem(403, "invalid-pass", "This is no pass for this service.") from None
        except StoreUnavailable:
            raise room_away() from None
        return json_answer(EntryAnswer(entry.text, entry.expires_in_ms))

    return [
        Endpoint(
            "POST",
            PATH,
            exchanged,
            "Exchange a pass for an entry to a service",
            TAG,
            body=EntryRequest,
            body_bytes_max=BODY_BYTES_MAX,
            answers={200: EntryAnswer, 403: None, 404: None, 503: None},
            description=_ABOUT,
        )
    ]
