"""envoyproxy/ratelimit's ``/json`` over HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sadd.envoy.plan import Modes
from sadd.web import envoy
from tests.sadd.envoy.scene import service
from tests.sadd.web.served import CHECKER, POWERLESS, Served, served
from tests.stores import stoppable_valkey

TEXT = """
    domain: rl
    descriptors:
      - {key: foo, rate_limit: {unit: day, requests_per_unit: 2, name: two}}
      - {key: ban, rate_limit: {unit: day, requests_per_unit: 0}}
      - {key: free, rate_limit: {unlimited: true}}
      - {key: meta, metadata: {tier: gold}, rate_limit: {unit: day, requests_per_unit: 5}}
"""


@asynccontextmanager
async def json_server(
    url: str, *texts: str, needs_key: bool = False, modes: Modes | None = None, deadline_ms: int = 2_000
) -> AsyncIterator[Served]:
    async with (
        service(url, *texts, modes=modes, deadline_ms=deadline_ms) as limits,
        served(envoy.endpoints(limits, needs_key=needs_key)) as server,
    ):
        yield server


@pytest.fixture
async def server(valkey_url: str) -> AsyncIterator[Served]:
    async with json_server(valkey_url, TEXT) as server:
        yield server


async def post(server: Served, body: Any, key: dict[str, str] | None = None) -> tuple[int, str, Any]:
    """Status, media type, and the text, or the value if it is JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with server.client.post("/json", data=raw, headers=key) as answer:
        text = await answer.text()
        media_type = answer.content_type
        return answer.status, media_type, json.loads(text) if "json" in media_type else text


def ask(**entries: str) -> dict[str, Any]:
    return {
        "domain": "rl",
        "descriptors": [{"entries": [{"key": k, "value": v} for k, v in entries.items()]}],
    }


async def test_the_answer_is_proto3s_json(server: Served) -> None:
    """200 with what is left, then 429; what has its zero value is left out."""
    status, media_type, body = await post(server, ask(foo="x"))
    reset = body["statuses"][0].pop("durationUntilReset")
    assert (status, media_type) == (200, "application/json")
    assert body == {
        "overallCode": "OK",
        "statuses": [
            {
                "code": "OK",
                "currentLimit": {"name": "two", "requestsPerUnit": 2, "unit": "DAY"},
                "limitRemaining": 1,
            }
        ],
    }
    assert reset.endswith("s")
    assert 0 < int(reset[:-1]) <= 86_400
    await post(server, ask(foo="x"))
    status, _, body = await post(server, ask(foo="x"))
    assert (status, body["overallCode"]) == (429, "OVER_LIMIT")
    assert "limitRemaining" not in body["statuses"][0]


async def test_no_limit_unlimited_and_banned(server: Served) -> None:
    """Each status as envoyproxy/ratelimit writes it."""
    both = ask(none="x")
    both["descriptors"] += ask(free="x")["descriptors"]
    assert await post(server, both) == (
        200,
        "application/json",
        {"overallCode": "OK", "statuses": [{"code": "OK"}, {"code": "OK", "limitRemaining": 4294967295}]},
    )
    status, _, body = await post(server, ask(ban="x"))
    assert (status, body["statuses"][0]["currentLimit"]) == (429, {"unit": "DAY"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"domain": 5}',
        b'{"domain": "rl", "descriptors": {}}',
        b'{"domain": "rl", "descriptors": [{"entries": [{"key": "a", "value": "b", "more": 1}]}]}',
        b'{"domain": "rl", "unknown": 1, "descriptors": [{}]}',
        b'{"domain": "rl", "descriptors": [{"entries": [], "hitsAddend": -1}]}',
        b'{"domain": "rl", "descriptors": [{"entries": [], "hitsAddend": 1.5}]}',
        b'{"domain": "rl", "descriptors": [{"entries": [], "hitsAddend": true}]}',
        b'{"domain": "rl", "descriptors": [{"limit": {"unit": "FORTNIGHT"}}]}',
        b'{"domain": "rl", "descriptors": [{"hitsAddend": 1, "hits_addend": 1}]}',
        b'{"domain": "\\ud800", "descriptors": [{}]}',
        b'{"domain": "", "descriptors": [{}]}',
        b'{"domain": "rl", "descriptors": []}',
        b'{"descriptors": [{}]}',
        b"[" * 30_000,
        b'{"domain": "\xff"}',
    ],
)
async def test_what_is_no_such_message_is_a_bad_request(server: Served, body: bytes) -> None:
    """In plain text, as there; also for an empty domain and no descriptors."""
    assert await post(server, body) == (400, "text/plain", "Bad Request\n")


async def test_both_spellings_and_numbers_as_text(server: Served) -> None:
    """As proto3's mapping allows."""
    entry = {"entries": [{"key": "foo", "value": "x"}], "hits_addend": "2"}
    status, _, body = await post(server, {"domain": "rl", "descriptors": [entry], "hitsAddend": None})
    assert (status, body["statuses"][0].get("limitRemaining")) == (200, None)
    brought = {"entries": [{"key": "foo", "value": "y"}], "limit": {"requests_per_unit": "7", "unit": 3}}
    _, _, body = await post(server, {"domain": "rl", "descriptors": [brought], "hits_addend": 2.0})
    assert body["statuses"][0]["currentLimit"] == {"requestsPerUnit": 7, "unit": "HOUR"}
    assert body["statuses"][0]["limitRemaining"] == 5


async def test_headers_and_metadata(valkey_url: str) -> None:
    """In the body, and the headers in the answer as well."""
    modes = Modes(headers=True, metadata=True)
    async with (
        json_server(valkey_url, TEXT, modes=modes) as server,
        server.client.post("/json", json=ask(meta="x")) as answer,
    ):
        body, headers = await answer.json(), answer.headers
    added = {header["key"]: header["value"] for header in body["responseHeadersToAdd"]}
    assert (added["RateLimit-Limit"], added["RateLimit-Remaining"]) == ("5", "4")
    assert headers["RateLimit-Remaining"] == "4"
    assert body["dynamicMetadata"] == {
        "domain": "rl",
        "descriptors": [{"entries": ["meta=x"]}],
        "metadata": {"tier": "gold"},
    }


async def test_before_a_configuration_is_loaded(valkey_url: str) -> None:
    """A bad request, as every other error there."""
    async with json_server(valkey_url) as server:
        assert (await post(server, ask(foo="x")))[0] == 400


async def test_a_key_with_the_scope_is_needed_unless_switched_off(valkey_url: str) -> None:
    """401 without one, 403 with one that may not check."""
    async with json_server(valkey_url, TEXT, needs_key=True) as server:
        assert (await post(server, ask(foo="x")))[0] == 401
        assert (await post(server, ask(foo="x"), POWERLESS))[0] == 403
        assert (await post(server, ask(foo="x"), CHECKER))[0] == 200


async def test_without_a_store(tmp_path: Path) -> None:
    """503 and when to come again: not 400, which would blame the caller."""
    with stoppable_valkey(tmp_path) as valkey:
        async with json_server(valkey.url, TEXT, deadline_ms=2_000) as server:
            valkey.stop()
            async with server.client.post("/json", json=ask(foo="x")) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
                assert await answer.text() == "Service Unavailable\n"
