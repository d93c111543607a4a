"""Counters, leases, slots and what operators ask, over HTTP on real stores."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ratelimit.holdings import ValkeyHoldings
from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore
from sadd.limits.desk import Desk
from sadd.limits.leases import Leases
from sadd.limits.rule import Limit, Rule, Rules, When
from sadd.limits.rules import Book
from sadd.limits.slots import Slots
from sadd.limits.top import Top
from sadd.postgres.pool import Pool, open_pool
from sadd.web import limits, limits_counters, limits_leases, limits_operating
from tests.sadd.limits.scene import CLINIC, DAY_SECONDS, FIVE, RESULTS, Books, View, rule
from tests.sadd.web.scene import MOEHE, MOPH, READER, Keys
from tests.sadd.web.served import Served, served
from tests.stores import connected, stoppable_valkey

WIDE = Limit(1000, period_seconds=DAY_SECONDS)
RULES = (
    rule("wide", agency="moehe", limit=WIDE),
    rule("narrow", agency="moehe", limit=Limit(40, period_seconds=DAY_SECONDS)),
    rule("flood", limit=WIDE),
    rule("ban", effect="deny", when=(When("app", any_of=("bad",)),)),
    rule("busy", service=RESULTS, limit=Limit(2, "concurrency", slot_seconds=60)),
    rule("busier", service=RESULTS, by=(), limit=Limit(3, "concurrency", slot_seconds=60)),
    rule("free", effect="unlimited", name="class", service=CLINIC),
)
NARROW, WIDER, CLASS = "/v1/limits/rule.narrow/k", "/v1/limits/rule.wide/k", f"/v1/limits/{RESULTS}/k"


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(migrated_database_url, pool_max=2, deadline_seconds=5.0) as opened:
        yield opened


@asynccontextmanager
async def serving(
    valkey_url: str, pool: Pool, folder: Path, *rules: Rule, authority: str = ""
) -> AsyncIterator[Served]:
    view, books = View(), Books(Book.of(Rules(1, rules or RULES)))
    async with connected(valkey_url, deadline_ms=500) as client:
        limiter = Limiter(ValkeyStore(client), holdings=ValkeyHoldings(client))
        desk = Desk(limiter, view, books, authority=authority)
        endpoints = [
            *limits.endpoints(desk),
            *limits_leases.endpoints(Leases(limiter, desk), Slots(limiter, desk)),
            *limits_operating.endpoints(desk, view, books, Top(limiter, folder, 0), authority=authority),
            *limits_counters.endpoints(limiter, desk, pool),
        ]
        async with served(endpoints, keys=Keys()) as server:
            yield server


@pytest.fixture
async def server(valkey_url: str, pool: Pool, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(valkey_url, pool, tmp_path) as server:
        yield server


async def call(
    server: Served, method: str, path: str, body: Any = None, key: dict[str, str] = MOEHE
) -> tuple[int, Any]:
    async with server.client.request(method, path, json=body, headers=key) as answer:
        return answer.status, await answer.json()


async def left(server: Served, path: str, key: dict[str, str] = MOEHE) -> int:
    _, body = await call(server, "GET", path, key=key)
    return int(body["remaining"])


def check(**fields: Any) -> dict[str, Any]:
    return {"policy": RESULTS, "key": "k", **fields}


# -- one counter ---------------------------------------------------------------


async def test_a_look_takes_nothing(server: Served) -> None:
    """Of the class by the service's id, of a rule by its policy's."""
    await call(server, "POST", "/v1/limits/check", check(cost=5))
    for _ in range(2):
        assert await left(server, NARROW) == 35
        assert await left(server, CLASS) == 15
    status, body = await call(server, "GET", "/v1/limits/rule.busy/k")
    assert (status, body["allowed"], body["remaining"]) == (200, True, 2)


async def test_a_key_of_any_letters_has_its_counter(server: Served) -> None:
    """Slashes, spaces and Arabic, percent-encoded in the path."""
    for key in ("2001:db8::/64", "a b", "مواطن", "x/refund"):
        await call(server, "POST", "/v1/limits/check", check(key=key))
        assert await left(server, f"/v1/limits/rule.narrow/{quote(key, safe='')}") == 39


async def test_a_refund_puts_back_and_never_too_much(server: Served) -> None:
    """What was taken for nothing is there again; more than all of it is not."""
    await call(server, "POST", "/v1/limits/check", check(cost=5))
    status, body = await call(server, "POST", f"{NARROW}/refund", {"cost": 2})
    assert (status, body["remaining"]) == (200, 37)
    await call(server, "POST", f"{NARROW}/refund", {"cost": 30})
    assert await left(server, NARROW) == 40
    assert (await call(server, "POST", f"{NARROW}/refund", {"cost": 0}))[0] == 422
    assert (await call(server, "POST", "/v1/limits/rule.busy/k/refund", {"cost": 1}))[0] == 422


async def test_a_reset_is_audited(server: Served, pool: Pool) -> None:
    """The key is as if never used, and who did it is known; a second time there is nothing to forget."""
    await call(server, "POST", "/v1/limits/check", check(cost=5))
    assert await call(server, "DELETE", NARROW) == (200, {"was_used": True})
    assert await left(server, NARROW) == 40
    assert await left(server, CLASS) == 15
    assert await call(server, "DELETE", NARROW) == (200, {"was_used": False})
    rows = await pool.fetch("SELECT actor, action, subject, after::text FROM audit")
    assert [tuple(row) for row in rows] == [
        ("moehe", "limits.reset", "limits/rule.narrow", '{"key": "k"}')
    ] * 2


async def test_a_key_with_a_nul_is_reset_as_any(server: Served, pool: Pool) -> None:
    """A check takes it, so an operator can put it right; the audit cannot hold it and shows a sign."""
    await call(server, "POST", "/v1/limits/check", check(key="a\0b", cost=5))
    assert await call(server, "DELETE", f"/v1/limits/{RESULTS}/a%00b") == (200, {"was_used": True})
    assert await pool.fetchval("SELECT after->>'key' FROM audit") == "a\N{SYMBOL FOR NULL}b"


@pytest.mark.parametrize("policy", ["rule.nothing", "nothing", "rule.flood", "rule.ban"])
async def test_what_is_not_theirs_is_unknown(server: Served, policy: str) -> None:
    """Nor what counts nothing. The platform's rules are the authority's."""
    path = f"/v1/limits/{policy}/k"
    said = set()
    for method, at, body in (
        ("GET", path, None),
        ("DELETE", path, None),
        ("POST", f"{path}/refund", {"cost": 1}),
        ("POST", "/v1/limits/check", check(policy=policy)),
        ("POST", "/v1/limits/leases", check(policy=policy)),
        ("POST", "/v1/limits/slots", check(policy=policy)),
    ):
        status, problem = await call(server, method, at, body)
        assert (status, problem["type"].rpartition("/")[2]) == (404, "unknown-service")
        said.add(problem["detail"])
    word = "rule" if policy.startswith("rule.") else "service"
    assert [f"no {word} '{policy.removeprefix('rule.')}'" in detail for detail in said] == [True]
    assert (await call(server, "GET", NARROW, key=MOPH))[0] == 404


async def test_the_authority_may_do_all(valkey_url: str, pool: Pool, tmp_path: Path) -> None:
    """Rules of the platform and of other agencies."""
    async with serving(valkey_url, pool, tmp_path, authority="moph") as server:
        await call(server, "POST", "/v1/limits/check", check(cost=5))
        for path in ("/v1/limits/rule.flood/k", NARROW):
            assert await call(server, "DELETE", path, key=MOPH) == (200, {"was_used": True})
            policy = path.split("/")[3]
            _, body = await call(server, "POST", "/v1/limits/check", check(policy=policy), key=MOPH)
            assert (body["policy"], await left(server, path, MOPH)) == (policy, body["remaining"])
        _, body = await call(server, "GET", "/v1/limits/top", key=MOPH)
        assert {one["policy"] for one in body["policies"]} >= {"rule.flood", "rule.narrow", RESULTS}


async def test_operators_need_their_scope(server: Served) -> None:
    """Reset, top and explain are not for whoever may check."""
    calls = [
        ("DELETE", NARROW, None),
        ("GET", "/v1/limits/top", None),
        ("POST", "/v1/limits/explain", check()),
    ]
    for method, path, body in calls:
        assert (await call(server, method, path, body, key=READER))[0] == 403


# -- what operators ask --------------------------------------------------------


async def test_top_tells_who_asks_most(server: Served) -> None:
    """Policies exactly, keys about; an agency sees its own."""
    for key, times in (("heavy", 300), ("light", 3)):
        batch = {"checks": [check(key=key)] * times}
        await call(server, "POST", "/v1/limits/check-batch", batch)
    status, body = await call(server, "GET", "/v1/limits/top?limit=5")
    assert status == 200
    found = {one["policy"]: one for one in body["policies"]}
    assert set(found) == {RESULTS, "rule.narrow", "rule.wide"}
    assert sum(found[RESULTS][name] for name in ("allowed", "refused")) == 303
    assert body["keys"][0]["key"] == "heavy"
    assert len(body["keys"]) <= 5


async def test_an_explanation_over_http(server: Served) -> None:
    """Every rule with its fate and what is left; nothing is taken, whatever the cost."""
    await call(server, "POST", "/v1/limits/check", check(cost=15))
    for _ in range(2):
        status, body = await call(server, "POST", "/v1/limits/explain", check(cost=6))
        assert status == 200
        assert (body["allowed"], body["verdict"]) == (False, f"refused by {RESULTS}: 5 left")
    fates = {one["rule"]: (one["fate"], one.get("remaining")) for one in body["rules"]}
    assert fates["narrow"] == ("holds", 25)
    assert fates["ban"][0] == fates["free"][0] == "passed over"
    _, denied = await call(server, "POST", "/v1/limits/explain", check(descriptors={"app": "bad"}))
    assert (denied["allowed"], denied["verdict"]) == (False, "refused by ban")
    assert (await call(server, "POST", "/v1/limits/explain", check(), key=MOPH))[0] == 404
    status, problem = await call(server, "POST", "/v1/limits/explain", check(policy="rule.wide"))
    assert (status, "no service 'rule.wide'" in problem["detail"]) == (404, True)


# -- leases --------------------------------------------------------------------


async def test_an_address_that_is_none(server: Served) -> None:
    """It is 422 wherever descriptors are told."""
    for path in ("explain", "leases", "slots"):
        body = check(descriptors={"ip": "nowhere"})
        status, problem = await call(server, "POST", f"/v1/limits/{path}", body)
        assert (status, problem["errors"][0]["pointer"]) == (422, "#/descriptors/ip")


async def test_a_lease_is_taken_from_every_limit(server: Served) -> None:
    """As many from each as were granted, once what is unused has come back."""
    status, lease = await call(server, "POST", "/v1/limits/leases", check(tokens=100))
    assert status == 200
    granted = lease["granted"]
    assert 0 < granted <= 10, "at most half of the twenty that the class has at once"
    assert lease["expires_in_ms"] > 5_000
    assert await left(server, CLASS) == 20 - granted
    assert await left(server, NARROW) <= 40 - granted
    end = f"/v1/limits/leases/{lease['lease_id']}"
    assert await call(server, "DELETE", end, {"unused": granted - 3}) == (200, {"returned": granted - 3})
    assert [await left(server, path) for path in (CLASS, NARROW, WIDER)] == [17, 37, 997]
    assert await call(server, "DELETE", end, {"unused": granted}) == (200, {"returned": 0})


async def test_what_is_used_up_grants_nothing(server: Served) -> None:
    """No lease, the policy that has nothing left, and the others as they were."""
    await call(server, "POST", "/v1/limits/check", check(cost=20))
    _, lease = await call(server, "POST", "/v1/limits/leases", check(tokens=5))
    assert (lease["granted"], lease["policy"]) == (0, RESULTS)
    assert lease["retry_after_ms"] > 0
    assert [await left(server, path) for path in (NARROW, WIDER)] == [20, 980]


async def test_a_denied_request_gets_no_lease_and_a_free_one_all(server: Served) -> None:
    """As its checks would be answered."""
    _, denied = await call(server, "POST", "/v1/limits/leases", check(tokens=5, descriptors={"app": "bad"}))
    assert (denied["granted"], denied["policy"]) == (0, "rule.ban")
    free = {"policy": CLINIC, "key": "k", "tokens": 5}
    _, lease = await call(server, "POST", "/v1/limits/leases", free, key=MOPH)
    assert lease["granted"] == 5
    end = f"/v1/limits/leases/{lease['lease_id']}"
    assert (await call(server, "DELETE", end, {"unused": 5}, key=MOPH))[0] == 200


@pytest.mark.parametrize("lease_id", ["x", "a.b", "~", "AAAA.1", "x" * 300, "a.1~b"])
async def test_what_is_no_lease_is_refused(server: Served, lease_id: str) -> None:
    """422, whatever is made up."""
    assert (await call(server, "DELETE", f"/v1/limits/leases/{lease_id}", {"unused": 1}))[0] == 422
    assert (await call(server, "DELETE", f"/v1/limits/slots/{lease_id}", {}))[0] == 422


# -- slots ---------------------------------------------------------------------


async def test_slots_are_held_until_they_are_released(server: Served) -> None:
    """Two of one key, three of all; a refusal holds nothing."""
    first, second = [(await call(server, "POST", "/v1/limits/slots", check()))[1] for _ in range(2)]
    assert first["allowed"]
    assert second["allowed"]
    _, third = await call(server, "POST", "/v1/limits/slots", check())
    assert (third["allowed"], third["policy"]) == (False, "rule.busy")
    _, other = await call(server, "POST", "/v1/limits/slots", check(key="other"))
    assert other["allowed"]
    _, fourth = await call(server, "POST", "/v1/limits/slots", check(key="another"))
    assert (fourth["allowed"], fourth["policy"]) == (False, "rule.busier")
    path = f"/v1/limits/slots/{first['slot_id']}"
    how = {"outcome": "success", "latency_ms": 12.5}
    assert await call(server, "DELETE", path, how) == (200, {"released": True})
    assert await call(server, "DELETE", path, how) == (200, {"released": False})
    assert (await call(server, "POST", "/v1/limits/slots", check()))[1]["allowed"]


async def test_where_nothing_limits_what_is_under_way_all_begin(server: Served) -> None:
    """And a denial is one here too."""
    body = {"policy": CLINIC, "key": "k"}
    for _ in range(5):
        _, slot = await call(server, "POST", "/v1/limits/slots", body, key=MOPH)
        assert slot["allowed"]
    path = f"/v1/limits/slots/{slot['slot_id']}"
    assert await call(server, "DELETE", path, {}, key=MOPH) == (200, {"released": False})
    _, denied = await call(server, "POST", "/v1/limits/slots", check(descriptors={"app": "bad"}))
    assert (denied["allowed"], denied["policy"]) == (False, "rule.ban")


async def test_a_limit_of_none_lets_nobody_begin(valkey_url: str, pool: Pool, tmp_path: Path) -> None:
    """As explain and the checks say: a ban, of requests under way or of any others."""
    for limit in (Limit(0, "concurrency"), Limit(0, "adaptive"), Limit(0, period_seconds=60)):
        async with serving(valkey_url, pool, tmp_path, rule("never", limit=limit)) as server:
            _, slot = await call(server, "POST", "/v1/limits/slots", check())
            assert (slot["allowed"], slot["policy"], slot["limit"]) == (False, "rule.never", 0)
            _, lease = await call(server, "POST", "/v1/limits/leases", check())
            assert (lease["granted"], lease["policy"]) == (0, "rule.never")
            _, answer = await call(server, "POST", "/v1/limits/check", check())
            assert (answer["allowed"], answer["why"]) == (False, "ban")
            _, told = await call(server, "POST", "/v1/limits/explain", check())
            assert told["allowed"] is False


async def test_what_counts_otherwise_is_asked_otherwise(server: Served) -> None:
    """A lease of what is under way and a slot of what counts units: 422, and what to call."""
    for path, policy, word in (("leases", "rule.busy", "acquire"), ("slots", "rule.wide", "check")):
        status, problem = await call(server, "POST", f"/v1/limits/{path}", check(policy=policy))
        assert (status, word in problem["detail"]) == (422, True)


async def test_a_denial_names_its_rule(server: Served) -> None:
    """As the gate does: in violated_policies."""
    _, answer = await call(server, "POST", "/v1/limits/check", check(descriptors={"app": "bad"}))
    assert (answer["policy"], answer["violated_policies"]) == ("rule.ban", ["rule.ban"])


async def test_without_a_store_nothing_is_lent(pool: Pool, tmp_path: Path) -> None:
    """A lease of nothing, 503 for what must change a counter; no 500."""
    (tmp_path / "valkey").mkdir()
    with stoppable_valkey(tmp_path / "valkey") as valkey:
        async with serving(valkey.url, pool, tmp_path, rule("narrow", agency="moehe", limit=FIVE)) as server:
            _, lease = await call(server, "POST", "/v1/limits/leases", check(tokens=2))
            valkey.stop()
            status, none = await call(server, "POST", "/v1/limits/leases", check(tokens=2))
            assert (status, none["granted"]) == (200, 0)
            path = f"/v1/limits/leases/{lease['lease_id']}"
            for method, at, body in (
                ("DELETE", path, {"unused": 1}),
                ("POST", f"{NARROW}/refund", {"cost": 1}),
                ("DELETE", NARROW, None),
            ):
                status, problem = await call(server, method, at, body)
                assert (status, problem["type"].rpartition("/")[2]) == (503, "store-unavailable")


async def test_what_is_under_way_is_not_checked(server: Served) -> None:
    """A policy of slots by its id: 422, and the answer says what to call."""
    status, problem = await call(server, "POST", "/v1/limits/check", {"policy": "rule.busy", "key": "k"})
    assert status == 422
    assert "acquire" in problem["detail"]
