"""The gate over HTTP: ``/gate/{service}``, by any method and with anything behind it, for the proxies."""

from collections.abc import Callable

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from sadd.gate.gate import Gate
from sadd.gate.knock import Knock
from sadd.gate.reply import ACCEL, ACCEL_REDIRECT, REFUSAL, Reply
from sadd.web.endpoint import Call, Endpoint
from sadd.web.lane.endpoint import LaneEndpoint, Question, Told
from sadd.web.lane.wording import header_lines

TAG = "gate"
PATH = "/gate/{service}"

_SUMMARY = "May the request that a proxy holds go on to the service?"
_ABOUT = (
    "For proxies of `gate.trusted_proxies` only; docs/gate.md has a ready configuration for each. 200 with "
    "`X-Sadd-Subject` and the RateLimit fields: it may. 429, or 503 where the store is away and the limit is "
    "closed then: it may not, `Retry-After` says when to try again. Any path may stand behind the service's "
    "id, and any method will do."
)
_HEADERS = {
    "X-Forwarded-For": "Where the visitor calls from (`gate.client_ip_header`).",
    "X-Original-URI": "What the visitor asked for; or `X-Forwarded-Uri`.",
    "X-Original-Method": "By which method; or `X-Forwarded-Method`.",
    ACCEL: "`1` for nginx: admit by `X-Accel-Redirect: @origin`.",
    REFUSAL: "`403` or `429`: the status of every refusal, for a proxy that can pass on no other.",
}
_ANSWERS = {200: None, 400: None, 403: None, 404: None, 429: None, 503: None}


def endpoints(gate: Gate) -> list[Endpoint]:
    """One for the bare id, one for whatever a proxy puts behind it."""

    async def serve(call: Call) -> web.StreamResponse:
        return await _answer(gate, call.request)

    def ask(asked: Question, done: Callable[[Reply], None]) -> None:
        gate.ask(Knock(asked.parameter, asked.peer, asked.headers, asked.method), done)

    # What stands behind the service's id may need decoding, and the lane decodes nothing.
    lane = {PATH: LaneEndpoint(ask, _tell, cache_control=None, media_type=None)}
    return [
        Endpoint(
            hdrs.METH_ANY,
            path,
            serve,
            _SUMMARY,
            TAG,
            answers=_ANSWERS,
            headers=_HEADERS,
            description=_ABOUT,
            lane=lane.get(path),
        )
        for path in (PATH, f"{PATH}/{{rest:.*}}")
    ]


async def _answer(gate: Gate, request: web.Request) -> web.Response:
    said = await gate.decide(
        Knock(
            service=request.match_info["service"],
            peer=request.remote or "",
            headers=request.headers,
            method=request.method,
            rest=_rest(request.raw_path),
        )
    )
    if said.problem is not None:
        raise said.problem
    kind = _Onward if ACCEL_REDIRECT in said.fields else web.Response
    return kind(status=said.status, headers=CIMultiDict(said.fields))


def _tell(said: Reply) -> Told:
    if said.problem is not None:
        raise said.problem
    lines = header_lines(said.fields)
    return b"", lines if ACCEL_REDIRECT in said.fields else lines + "Cache-Control: no-store\r\n"


class _Onward(web.Response):
    """Goes on to the origin: nginx would send our Cache-Control to the visitor beside the origin's own."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self.headers.popall(hdrs.CACHE_CONTROL, None)
        return await super().prepare(request)


def _rest(raw_path: str) -> str:
    """What stands behind the service's id, as it came: it is decoded once, like a proxy's field."""
    _, slash, rest = raw_path.partition("/gate/")[2].partition("/")
    return slash + rest
