"""Real proxies before the real platform: the catalogue's limits, with their store and without."""

import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.e2e.platform import Platform, platform
from tests.proxies.scripted import Origin, Visit, ended, raw, visit
from tests.proxies.servers import ENVOY_BY_GRPC, PROXIES, Proxy, low_port, ports_for, started
from tests.stores import StoppableValkey, stoppable_valkey
from tests.waiting import eventually_sync

CLOSED = "digital-gov-password-recovery-code"
"""5 in ten minutes, 3 at once; closed without the store."""
OPEN = "agriculture-daily-fruit-vegetable-prices"
BURST = 3

TRIES = 5
LATE_SECONDS = 0.4

ASKING = (*PROXIES, ENVOY_BY_GRPC)
PRESENT = [proxy for proxy in ASKING if proxy.missing is None]


@dataclass(frozen=True)
class Site:
    """The platform with its store, and before it each proxy that this machine has."""

    platform: Platform
    valkey: StoppableValkey
    origin: Origin
    ports: dict[str, int]

    def visit(self, proxy: Proxy, source: str) -> Visit:
        return visit(self.ports[proxy.name], "/code", source=source)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    origin, ports = Origin(), {}
    agent, grpc = low_port(), low_port()
    with ended(origin), stoppable_valkey(folder) as valkey, ExitStack() as servers:
        running = servers.enter_context(
            platform(
                folder,
                SADD_VALKEY_URL=valkey.url,
                SADD_GATE_TRUSTED_PROXIES="127.0.0.1/32",
                SADD_GATE_SPOE_PORT=str(agent),
                SADD_GRPC_PORT=str(grpc),
            )
        )
        gate = int(running.url.rpartition(":")[2])
        for number, proxy in enumerate(PRESENT):
            own = ports_for(gate, origin.port, agent, grpc)
            servers.enter_context(started(proxy, own, service=CLOSED, source=f"127.0.1.{number}"))
            ports[proxy.name] = own.visitors
        yield Site(running, valkey, origin, ports)


proxies = pytest.mark.parametrize(
    ("proxy", "source"),
    [
        pytest.param(
            proxy,
            f"127.0.2.{number}",
            id=proxy.name,
            marks=pytest.mark.skipif(proxy.missing is not None, reason=proxy.missing or ""),
        )
        for number, proxy in enumerate(ASKING)
    ],
)


@proxies
def test_a_visitor_uses_up_its_limit(site: Site, proxy: Proxy, source: str) -> None:
    """As many as may come at once reach the origin; the next is told when to come again, and does not."""
    for left in reversed(range(BURST)):
        got = site.visit(proxy, source)
        assert got.status == 200
        assert [one for one in got.at_origin("x-sadd-subject") if one] == []
        if proxy.name != "caddy":
            assert got.fields["RateLimit"].startswith(f'"{CLOSED}";r={left};t=')
    reached = len(site.origin.seen)
    got = site.visit(proxy, source)
    assert (got.status, len(site.origin.seen)) == (429, reached)
    assert int(got.fields["Retry-After"]) >= 100
    assert got.fields["RateLimit"].startswith(f'"{CLOSED}";r=0;t=')
    assert got.fields.getall("Cache-Control", ["no-store"]) == ["no-store"]


WAYS_ROUND = {
    "another address": b"GET /code HTTP/1.1\r\nX-Forwarded-For: 203.0.113.9",
    "another address as a proxy has it": b"GET /code HTTP/1.1\r\nX-Forwarded-For: 203.0.113.9, 127.0.0.1",
    "another name for it": b"GET /code HTTP/1.1\r\nX-Real-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9",
    "the address dropped": b"GET /code HTTP/1.1\r\nConnection: close, X-Forwarded-For, X-Original-URI",
    "another page": b"GET /code HTTP/1.1\r\nX-Original-URI: /free\r\nX-Forwarded-Uri: /free",
    "another method": b"PROPFIND /code HTTP/1.1\r\nX-Original-Method: GET",
    "dots": b"GET /x/../../agriculture/../code HTTP/1.1",
    "slashes": b"GET //code HTTP/1.1",
    "a whole address": b"GET http://portal.example/code HTTP/1.1",
    "a query": b"GET /code?service=agriculture&x=/gate/x HTTP/1.1",
    "bytes": b"GET /code?\xff\xfe HTTP/1.1\r\nX-Odd: \xff\xfe\r\nCookie: \xff=\xfe",
    "nginx's word": b"GET /code HTTP/1.1\r\nX-Accel: 1\r\nX-Accel-Redirect: @origin\r\nX-Sadd-Refusal: 200",
    "a key": b"GET /code HTTP/1.1\r\nAuthorization: Bearer sadd_00000000_00000000",
    "a session": b"GET /code HTTP/1.1\r\nSadd-Session: " + b"A" * 54,
    "a session that is none": b"GET /code HTTP/1.1\r\nSadd-Session: \xff" + b"A" * 600,
    "an expectation": b"PUT /code HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 0",
    "another expectation": b"GET /code HTTP/1.1\r\nExpect: a-miracle",
    "a condition": b"GET /code HTTP/1.1\r\nIf-None-Match: *\r\nRange: bytes=0-1",
    "another protocol": b"GET /code HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket",
    "an old one": b"GET /code HTTP/1.0",
    "chunks": b"POST /code HTTP/1.1\r\nTransfer-Encoding: chunked",
    "8 kB": b"GET /code HTTP/1.1\r\nCookie: a=" + b"a" * 7_000,
    "16 kB": b"GET /code HTTP/1.1\r\nCookie: a=" + b"a" * 7_900 + b"\r\nX-B: " + b"b" * 7_900,
    "32 kB": b"GET /code HTTP/1.1\r\n" + b"\r\n".join(b"X-%d: " % n + b"x" * 7_000 for n in range(4)),
    "64 kB": b"GET /code HTTP/1.1\r\n" + b"\r\n".join(b"X-%d: " % n + b"x" * 6_000 for n in range(10)),
    "64 kB of cookies": b"GET /code HTTP/1.1\r\n" + b"\r\n".join([b"Cookie: a=" + b"x" * 6_000] * 10),
    "a long chain": b"GET /code HTTP/1.1\r\n" + b"\r\n".join([b"X-Forwarded-For: " + b"1.1.1.1, " * 600] * 9),
    "a megabyte of head": b"GET /code HTTP/1.1\r\nX: " + b"x" * 900_000,
    "a megabyte of body": b"POST /code HTTP/1.1\r\nContent-Length: 1000000",
    "100 fields": b"GET /code HTTP/1.1\r\n" + b"\r\n".join(b"X-%d: x" % n for n in range(98)),
    "a long path": b"GET /code/" + b"x" * 6_000 + b" HTTP/1.1",
}


@proxies
@pytest.mark.parametrize("name", WAYS_ROUND)
def test_there_is_no_way_round(site: Site, proxy: Proxy, source: str, name: str) -> None:
    """Who has used up its limit does not reach the origin, whatever it sends: the gate that cannot read a
    request is not away."""
    sent = WAYS_ROUND[name]
    body = b"0\r\n\r\n" if b"chunked" in sent else b"x" * (1_000_000 if b"1000000" in sent else 0)
    for _ in range(TRIES):
        reached, began = len(site.origin.seen), time.monotonic()
        said = raw(site.ports[proxy.name], sent + b"\r\nHost: portal.example\r\n\r\n" + body, source)
        if len(site.origin.seen) == reached:
            assert b" 200 " not in said[:16]
            return
        # On a busy machine the gate may be late, and all of these proxies open then: that is no way round.
        assert time.monotonic() - began > LATE_SECONDS
    pytest.fail(f"the gate was late {TRIES} times")


@proxies
def test_a_closed_limit_without_its_store(site: Site, proxy: Proxy, source: str) -> None:
    """Nobody passes who cannot be counted, though the proxy opens when the gate itself is away."""
    site.valkey.stop()
    reached = len(site.origin.seen)

    def refused() -> bool:
        got = site.visit(proxy, source.replace("127.0.2", "127.0.3"))
        return got.status == (429 if proxy.name == "envoy" else 503) and int(got.fields["Retry-After"]) >= 1

    eventually_sync(refused)
    assert len(site.origin.seen) == reached


def test_an_open_limit_without_its_store(site: Site) -> None:
    """Whoever may be let through uncounted is."""
    site.valkey.stop()
    assert site.platform.status(f"/gate/{OPEN}") == 200
    assert site.platform.status(f"/gate/{CLOSED}") == 503


def test_what_the_gate_counts(site: Site) -> None:
    """An operator sees how much the gate let through, and what it refused for which reason."""
    page = urllib.request.urlopen(f"{site.platform.url}/metrics").read().decode()
    assert 'sadd_gate_replies_total{outcome="admitted"}' in page
    assert 'sadd_gate_replies_total{outcome="store_away"}' in page
