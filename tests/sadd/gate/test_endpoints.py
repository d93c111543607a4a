"""The gate over real HTTP, with real limits and sessions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore as LimitStore
from sadd.gate.endpoints import endpoints
from sadd.gate.gate import Gate
from sadd.limits.desk import Desk
from sadd.limits.rule import Limit, Rule, Rules, When
from sadd.limits.rules import Book
from sadd.session.ids import Ids
from sadd.session.policy import SessionPolicy
from sadd.session.sessions import Sessions
from sadd.session.valkey import ValkeyStore as SessionStore
from sadd.settings import Gate as GateSettings
from tests.sadd.limits.scene import Books
from tests.sadd.web.scene import BARE, RESULTS, View, catalogue
from tests.sadd.web.served import Served, served
from tests.stores import connected, stoppable_valkey
from tests.waiting import eventually

BURST = 20


@asynccontextmanager
async def gated(valkey_url: str, *rules: Rule) -> AsyncIterator[tuple[Served, Sessions]]:
    view = View(catalogue())
    async with connected(valkey_url) as client:
        sessions = Sessions(SessionStore(client), Ids(b"p" * 32))
        desk = Desk(Limiter(LimitStore(client)), view, Books(Book.of(Rules(1, rules))))
        async with served(endpoints(Gate(desk, sessions, view, GateSettings()))) as server:
            yield server, sessions


async def test_a_visitor_uses_up_its_burst(valkey_url: str) -> None:
    """One address is refused after its burst, with a problem that says by which policy; another is not."""
    noisy, quiet = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "203.0.113.8"}
    async with gated(valkey_url) as (server, _):
        for _ in range(BURST):
            async with server.client.get(f"/gate/{RESULTS}", headers=noisy) as admitted:
                assert admitted.status == 200
                assert admitted.headers["X-Sadd-Subject"] == ""
                assert await admitted.read() == b""
        async with server.client.get(f"/gate/{RESULTS}", headers=noisy) as refused:
            assert refused.status == 429
            assert refused.headers["RateLimit"].startswith(f'"{RESULTS}";r=0;t=')
            assert int(refused.headers["Retry-After"]) >= 1
            problem = await refused.json()
            assert problem["type"].endswith("/quota-exceeded")
            assert problem["violated-policies"] == [RESULTS]
        async with server.client.get(f"/gate/{RESULTS}", headers=quiet) as admitted:
            assert admitted.status == 200


ONCE = Limit(1, period_seconds=86_400)
BLOCKED = When("ip", ("2001:db8:bad::7",))


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        (Rule("page", route="/pdf/*", by=("ip",), limit=ONCE), "/pdf/7", "/x/..//pdf/%37"),
        (Rule("device", by=("header:x-device",), limit=ONCE), "/", "/other"),
        (Rule("household", by=("ip",), limit=ONCE), "/", "/"),
    ],
)
async def test_rules_hold_at_the_gate(valkey_url: str, rule: Rule, first: str, second: str) -> None:
    """By page, by any field, by address: whatever the rules of limits know."""
    async with gated(valkey_url, rule) as (server, _):
        told = {"X-Device": "d1", "X-Forwarded-For": "2001:db8:1:2::1"}
        async with server.client.get(f"/gate/{RESULTS}", headers={**told, "X-Original-URI": first}) as one:
            assert one.status == 200
        told["X-Forwarded-For"] = "2001:db8:1:2:ffff::2"
        async with server.client.get(f"/gate/{RESULTS}", headers={**told, "X-Original-URI": second}) as two:
            assert two.status == 429
            assert (await two.json())["violated-policies"] == [rule.policy_id]


async def test_lists_at_the_gate(valkey_url: str) -> None:
    """One address is turned away for good, its neighbour is not; and who is let through is not counted."""
    deny = Rule("blocked", effect="deny", when=(BLOCKED,))
    allow = Rule("probe", effect="allow", when=(When("header:x-probe", ("yes",)),))
    async with gated(valkey_url, deny, allow) as (server, _):
        for address, status in (("2001:db8:bad::7", 429), ("2001:db8:bad::8", 200)):
            told = {"X-Forwarded-For": address}
            async with server.client.get(f"/gate/{RESULTS}", headers=told) as got:
                assert got.status == status
                assert "Retry-After" not in got.headers
        async with server.client.get(f"/gate/{RESULTS}", headers={"X-Probe": "yes"}) as probe:
            assert (probe.status, "RateLimit" in probe.headers) == (200, False)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("rest", ["", "/", "/results/7?x=1&x=2", "//..//x", "?a"])
async def test_any_method_and_path(valkey_url: str, method: str, rest: str) -> None:
    """A proxy asks by the method that it has, with whatever it puts behind the service's id."""
    async with gated(valkey_url) as (server, _):
        asked = f"{method} /gate/{RESULTS}{rest} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n"
        assert (await server.exchange(asked.encode())).startswith(b"HTTP/1.1 200 ")


async def test_what_nginx_sends_on_says_nothing_of_caches(valkey_url: str) -> None:
    """It would stand in the visitor's answer beside the origin's own words."""
    async with gated(valkey_url) as (server, _):
        async with server.client.get(f"/gate/{RESULTS}", headers={"X-Accel": "1"}) as onward:
            assert onward.headers["X-Accel-Redirect"] == "@origin"
            assert "Cache-Control" not in onward.headers
        async with server.client.get(f"/gate/{RESULTS}") as plain:
            assert plain.headers["Cache-Control"] == "no-store"


async def test_no_path_leads_to_another_service(valkey_url: str) -> None:
    """Envoy appends what the visitor sent, dots and all: it stays the same service's gate."""
    async with gated(valkey_url) as (server, _):
        for rest in (f"/../{BARE}", f"/%2e%2e/{BARE}", f"/..%2f{BARE}", f"/\\..\\{BARE}"):
            asked = f"GET /gate/{RESULTS}{rest} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n"
            assert f'"{RESULTS}";q=' in (await server.exchange(asked.encode())).decode()


async def test_a_session_of_the_service(valkey_url: str) -> None:
    """The cookie of a living session becomes the subject, and the citizen's limit counts."""
    async with gated(valkey_url) as (server, sessions):
        policy = SessionPolicy(60_000, 60_000)
        session_id, _ = await sessions.create("moehe", RESULTS, "28012345678", policy, {})
        shown = {"Cookie": f"__Host-sadd_session={session_id}"}
        async with server.client.get(f"/gate/{RESULTS}", headers=shown) as admitted:
            assert (admitted.status, admitted.headers["X-Sadd-Subject"]) == (200, "28012345678")


async def test_with_the_store_away(tmp_path: Path) -> None:
    """The limit's own way decides; who shows a session is told to come again, not taken for nobody."""
    with stoppable_valkey(tmp_path) as valkey:
        async with gated(valkey.url) as (server, _):
            valkey.stop()
            async with server.client.get(f"/gate/{RESULTS}") as answer:
                assert answer.status == 200
            shown = {"Sadd-Session": "A" * 54}
            async with server.client.get(f"/gate/{RESULTS}", headers=shown) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            valkey.start()

            async def whole() -> bool:
                async with server.client.get(f"/gate/{RESULTS}", headers=shown) as answer:
                    return answer.status == 200

            await eventually(whole)
