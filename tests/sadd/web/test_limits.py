"""Rate limits over HTTP."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.sadd.web.scene import BARE, CLINIC, MOEHE, READER, RESULTS, four_services
from tests.sadd.web.served import Served
from tests.stores import stoppable_valkey

CHECK = "/v1/limits/check"


@pytest.fixture
async def server(valkey_url: str) -> AsyncIterator[Served]:
    async with four_services(valkey_url) as server:
        yield server


async def post(server: Served, path: str, body: Any, key: dict[str, str] = MOEHE) -> tuple[int, Any, Any]:
    async with server.client.post(path, json=body, headers=key) as answer:
        return answer.status, await answer.json(), answer.headers


async def test_a_check_is_answered_with_numbers(server: Served) -> None:
    """Allowed: what remains, and the draft's two fields; no Retry-After."""
    status, body, headers = await post(server, CHECK, {"policy": RESULTS, "key": "a"})
    assert status == 200
    reset_ms = body.pop("reset_after_ms")
    assert body == {"allowed": True, "policy": RESULTS, "limit": 60, "remaining": 19}
    assert 0 < reset_ms <= 1_000
    assert headers["RateLimit-Policy"] == '"moehe-results";q=60;w=60'
    assert headers["RateLimit"] == '"moehe-results";r=19;t=1'
    assert "Retry-After" not in headers


async def test_a_refusal_is_an_answer(server: Served) -> None:
    """200 with allowed false, when to come again, and Retry-After no earlier than t."""
    await post(server, CHECK, {"policy": RESULTS, "key": "a", "cost": 20})
    status, body, headers = await post(server, CHECK, {"policy": RESULTS, "key": "a", "cost": 5})
    assert (status, body["allowed"], body["remaining"], body["why"]) == (200, False, 0, "over limit")
    assert 4_000 < body["retry_after_ms"] <= 5_000
    assert headers["Retry-After"] == "5"
    assert headers["RateLimit"] == '"moehe-results";r=0;t=5'


async def test_a_cost_above_the_burst_has_no_time_to_retry(server: Served) -> None:
    """Neither in the body nor as Retry-After: no wait helps."""
    _, body, headers = await post(server, CHECK, {"policy": RESULTS, "key": "a", "cost": 21})
    assert not body["allowed"]
    assert "retry_after_ms" not in body
    assert "Retry-After" not in headers


@pytest.mark.parametrize("address", ["009.9.9.9", "10.0.0.1, 203.0.113.9", "unknown", ""])
async def test_an_address_that_is_none(server: Served, address: str) -> None:
    """422: no rule about addresses would hold, a list of blocked ones included, and nobody would notice."""
    body = {"policy": RESULTS, "key": "a", "descriptors": {"ip": address}}
    for path, sent, place in (
        (CHECK, body, "#/descriptors/ip"),
        ("/v1/limits/check-batch", {"checks": [body]}, "#/checks/0/descriptors/ip"),
    ):
        status, problem, _ = await post(server, path, sent)
        assert (status, problem["errors"][0]["pointer"]) == (422, place)
        assert place in problem["detail"]


async def test_a_descriptor_that_is_none(server: Served) -> None:
    """422, with the one that was probably meant."""
    body = {"policy": RESULTS, "key": "a", "descriptors": {"citzen": "28012345678"}}
    status, problem, _ = await post(server, CHECK, body)
    assert (status, problem["errors"][0]["pointer"]) == (422, "#/descriptors/citzen")
    assert "nearest: citizen" in problem["detail"]


async def test_a_batch_is_answered_in_order(server: Served) -> None:
    """A key named twice is charged twice; policies do not mix."""
    checks = [{"policy": p, "key": "a", "cost": 15} for p in (RESULTS, BARE, RESULTS, BARE)]
    status, body, _ = await post(server, "/v1/limits/check-batch", {"checks": checks})
    assert status == 200
    assert [(r["policy"], r["allowed"]) for r in body["results"]] == [
        (RESULTS, True),
        (BARE, True),
        (RESULTS, False),
        (BARE, False),
    ]


async def test_a_batch_takes_a_thousand_and_no_more(server: Served) -> None:
    """1,000 are answered, 1,001 and none are refused."""
    one = {"policy": RESULTS, "key": "a"}
    for count, expected in ((1000, 200), (1001, 422), (0, 422)):
        status, body, _ = await post(server, "/v1/limits/check-batch", {"checks": [one] * count})
        assert status == expected
        if status == 200:
            assert sum(result["allowed"] for result in body["results"]) == 20


@pytest.mark.parametrize("policy", [CLINIC, "moehe-closed", "nothing"])
async def test_another_agencys_policy_is_unknown(server: Served, policy: str) -> None:
    """Foreign, retired and never-was look alike but for the name that was asked for."""
    status, body, _ = await post(server, CHECK, {"policy": policy, "key": "a"})
    assert status == 404
    assert body["type"].endswith("/unknown-service")
    assert body["detail"] == f"Your agency has no service '{policy}'."
    status, _, _ = await post(server, "/v1/limits/check-batch", {"checks": [{"policy": policy, "key": "a"}]})
    assert status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"policy": RESULTS},
        {"policy": RESULTS, "key": ""},
        {"policy": RESULTS, "key": "م" * 300},
        {"policy": RESULTS, "key": "a", "cost": -1},
        {"policy": RESULTS, "key": "a", "cost": 1.0},
        {"policy": RESULTS, "key": "a", "cost": True},
        {"policy": RESULTS, "key": "a", "cots": 1},
    ],
)
async def test_a_broken_question_is_refused(server: Served, body: dict[str, Any]) -> None:
    """With 422 and what is wrong; nothing is taken on a guess."""
    status, problem, _ = await post(server, CHECK, body)
    assert status == 422
    assert problem["detail"]


async def test_a_key_needs_the_scope(server: Served) -> None:
    """Without a key 401, with one that may only read 403."""
    assert (await post(server, CHECK, {"policy": RESULTS, "key": "a"}, {}))[0] == 401
    assert (await post(server, CHECK, {"policy": RESULTS, "key": "a"}, READER))[0] == 403


async def test_without_a_store_the_answer_says_so(tmp_path: Path) -> None:
    """Store killed: still 200 and limited here, by the class's way, which the answer names."""
    with stoppable_valkey(tmp_path) as valkey:
        async with four_services(valkey.url, deadline_ms=2_000) as server:
            valkey.stop()
            answers = [await post(server, CHECK, {"policy": RESULTS, "key": "a"}) for _ in range(21)]
    assert {status for status, *_ in answers} == {200}
    assert {body["fallback"] for _, body, _ in answers} == {"local"}
    assert [body["allowed"] for _, body, _ in answers] == [True] * 20 + [False]


async def test_the_fields_are_structured_fields(server: Served) -> None:
    """RFC 9651 lists of one string item with integer parameters, as the draft has them."""
    _, _, headers = await post(server, CHECK, {"policy": RESULTS, "key": "a"})
    assert re.fullmatch(
        r'"[\x20-\x21\x23-\x5b\x5d-\x7e]+";q=\d{1,15};w=\d{1,15}', headers["RateLimit-Policy"]
    )
    assert re.fullmatch(r'"[\x20-\x21\x23-\x5b\x5d-\x7e]+";r=\d{1,15};t=\d{1,15}', headers["RateLimit"])
