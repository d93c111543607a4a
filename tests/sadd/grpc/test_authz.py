"""Envoy's external authorization: its question to the gate, and the gate's reply as Envoy reads it."""

import json
from typing import Any

import msgspec
import pytest
from envoy.service.auth.v3 import external_auth_pb2 as auth

from sadd.gate.gate import Gate
from sadd.grpc.authz import authorization
from sadd.grpc.status import Code, Result, Status
from tests.sadd.gate.scene import ADMITTED, BANNED, CLOSED, POLICY, REFUSED, OneSession, ScriptedDesk, gate

HEADERS = {"x-forwarded-for": "203.0.113.7", "x-sadd-subject": "forged"}
ENVOY = "10.0.0.1"


def question(
    headers: dict[str, str] | None = None,
    service: str = POLICY.id,
    path: str = "/results?q=1",
    source: str = "10.0.0.9",
) -> Any:
    message = auth.CheckRequest()
    attributes = message.attributes
    attributes.request.http.method = "GET"
    attributes.request.http.path = path
    attributes.request.http.headers.update(HEADERS if headers is None else headers)
    attributes.source.address.socket_address.address = source
    if service:
        attributes.context_extensions["service"] = service
    return message


def result(asked: Gate, message: Any, peer: str = ENVOY) -> Result:
    results: list[Result] = []
    authorization(asked, "X-Forwarded-For")(message.SerializeToString(), peer, results.append)
    (one,) = results
    return one


def answer(asked: Gate, message: Any, peer: str = ENVOY) -> Any:
    got = result(asked, message, peer)
    assert isinstance(got, bytes)
    return auth.CheckResponse.FromString(got)


def fields(options: Any) -> dict[str, str]:
    assert all(option.append_action == 2 for option in options), "each overwrites"
    return {option.header.key: option.header.value for option in options}


def test_who_is_admitted() -> None:
    """OK with the limit's fields for the visitor; a subject that the visitor made up is removed."""
    desk = ScriptedDesk()
    got = answer(gate(desk), question())

    assert got.status.code == 0
    assert list(got.ok_response.headers_to_remove) == ["x-sadd-subject"]
    assert fields(got.ok_response.headers) == {}
    assert fields(got.ok_response.response_headers_to_add).keys() == {"ratelimit", "ratelimit-policy"}
    (asked,) = desk.asked
    assert (asked.service, asked.route, asked.descriptors["ip"]) == (POLICY.id, "/results", "203.0.113.7")


async def test_who_is_known_is_named() -> None:
    """The origin learns the subject of a session, over whatever the visitor sent."""
    desk = ScriptedDesk()
    results: list[Result] = []
    message = question({**HEADERS, "cookie": "a=b; __Host-sadd_session=s-7"}).SerializeToString()
    asked = gate(desk, OneSession())
    authorization(asked, "X-Forwarded-For")(message, ENVOY, results.append)
    for task in list(asked._looking):
        await task

    assert isinstance(results[0], bytes)
    ok = auth.CheckResponse.FromString(results[0]).ok_response
    assert fields(ok.headers) == {"x-sadd-subject": "28012345678"}
    assert list(ok.headers_to_remove) == []


def test_no_admission_has_another_ones_values() -> None:
    """Admissions are made from kept ones: each has its own numbers."""
    desk = ScriptedDesk()
    asked = gate(desk)
    for left in (12, 3, 7):
        desk.says = msgspec.structs.replace(ADMITTED, remaining=left)
        told = fields(answer(asked, question()).ok_response.response_headers_to_add)
        assert f";r={left};" in told["ratelimit"]


@pytest.mark.parametrize(
    ("decision", "status", "slug"),
    [(REFUSED, 429, "quota-exceeded"), (BANNED, 429, "quota-exceeded"), (CLOSED, 503, "store-unavailable")],
)
def test_who_is_refused(decision: Any, status: int, slug: str) -> None:
    """The gate's status, fields and problem, for the visitor."""
    got = answer(gate(ScriptedDesk(decision)), question())
    denied = got.denied_response

    assert got.status.code != 0
    assert denied.status.code == status
    assert json.loads(denied.body)["type"].endswith(slug)
    told = fields(denied.headers)
    assert told["content-type"] == "application/problem+json"
    assert "x-sadd-subject" not in told
    assert ("retry-after" in told) == (decision is not BANNED)


def test_a_visitor_cannot_speak_for_envoy() -> None:
    """Address, path and form of the answer come from Envoy's own fields, not from the visitor's."""
    desk = ScriptedDesk(REFUSED)
    forged = {
        "x-forwarded-for": "198.51.100.1",
        "x-original-uri": "/free",
        "x-forwarded-uri": "/free",
        "x-original-method": "OPTIONS",
        "x-accel": "1",
        "x-sadd-refusal": "403",
    }
    got = answer(gate(desk), question(forged, source="203.0.113.7"))

    (asked,) = desk.asked
    assert (asked.route, asked.descriptors["ip"]) == ("/results", "203.0.113.7")
    assert got.denied_response.status.code == 429


def test_raw_headers_are_read() -> None:
    """``encode_raw_headers`` puts them elsewhere; lines of one name are joined."""
    desk = ScriptedDesk()
    message = question({})
    for key, value in [("x-forwarded-for", b"198.51.100.1"), ("x-forwarded-for", b"203.0.113.7")]:
        message.attributes.request.http.header_map.headers.add(key=key, raw_value=value)
    answer(gate(desk), message)

    assert desk.asked[0].descriptors["ip"] == "203.0.113.7"


def test_only_proxies_of_ours_may_ask() -> None:
    """The address that called us must be in a trusted range, as for the gate over HTTP."""
    got = answer(gate(ScriptedDesk()), question(), peer="192.0.2.1")

    assert got.denied_response.status.code == 403


def test_mistakes_of_the_set_up_are_statuses() -> None:
    """No service named: a status of gRPC; one that there is not: 404, as the gate says it."""
    nameless = result(gate(ScriptedDesk()), question(service=""))
    unknown = answer(gate(ScriptedDesk()), question(service="no-such"))
    garbage: list[Result] = []
    authorization(gate(ScriptedDesk()), "X-Forwarded-For")(b"\xff", ENVOY, garbage.append)

    assert isinstance(nameless, Status)
    assert nameless.code is Code.INVALID_ARGUMENT
    assert unknown.denied_response.status.code == 404
    assert isinstance(garbage[0], Status)
    assert garbage[0].code is Code.INTERNAL
