"""Real proxies before the real platform, and before the service a waiting room: the way in, and no way round.

Every proxy is asked for the same: a page is led into the room, an app told where it is, a crawler to come
back; a pass is taken once, and the entry then lets in.
"""

import base64
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.platform import Platform, platform
from tests.proxies.scripted import Origin, Visit, ended, raw, visit
from tests.proxies.servers import ENVOY_BY_GRPC, PROXIES, SERVICE, Proxy, low_port, ports_for, started
from tests.waiting import eventually_sync

ROOMS_URL = "https://queue.example"
BROWSER = [("Accept", "text/html,application/xhtml+xml"), ("User-Agent", "Mozilla/5.0 (phone)")]
CRAWLER = [("Accept", "text/html"), ("User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1)")]

TELLING = (("# access_log syslog", "access_log syslog"), ("    # log", "    log"))
"""The lines of the files that tell the platform how the service answers."""
TELL = {"nginx-auth-request", "nginx-accel", "haproxy-lua", "haproxy-spoe"}

ASKING = (*PROXIES, ENVOY_BY_GRPC)
PRESENT = [proxy for proxy in ASKING if proxy.missing is None]
QUIET_WHEN_ADMITTED = {"caddy"}
"""Show nothing of the gate's on the origin's answer; apps there exchange their pass by a redirect."""


def source_of(proxy: Proxy) -> str:
    """Its visitors' address: each has limits of its own."""
    return f"127.0.2.{ASKING.index(proxy) + 1}"


@dataclass(frozen=True)
class Site:
    """The platform, and before it each proxy that this machine has."""

    platform: Platform
    origin: Origin
    ports: dict[str, int]

    def visit(self, proxy: Proxy, path: str, *headers: tuple[str, str], **more: Any) -> Visit:
        return visit(self.ports[proxy.name], path, headers=headers, source=source_of(proxy), **more)

    def stays_outside(self, proxy: Proxy, path: str, *headers: tuple[str, str], **more: Any) -> Visit:
        """A visit that must not reach the origin."""
        reached = len(self.origin.seen)
        got = self.visit(proxy, path, *headers, **more)
        assert len(self.origin.seen) == reached
        return got

    def heard(self) -> int:
        """How often a proxy told how the service answered."""
        page = urllib.request.urlopen(f"{self.platform.url}/metrics").read().decode()
        found = re.findall(r'^sadd_gate_outcomes_told_total\{as="heard"\} (\d+)', page, re.MULTILINE)
        return sum(map(int, found))

    def a_pass(self) -> str:
        """As anyone gets one: joined, and claimed when it is called."""
        standing = self._post("tickets")
        return str(standing.get("pass") or eventually_sync(lambda: self._post("claim", standing).get("pass")))

    def _post(self, word: str, standing: dict[str, Any] | None = None) -> dict[str, Any]:
        shown = {} if standing is None else {"Sadd-Ticket": standing["ticket"]}
        url = f"{self.platform.url}/v1/queues/{SERVICE}/{word}"
        with urllib.request.urlopen(urllib.request.Request(url, b"", shown, method="POST")) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("rooms")
    origin, ports = Origin(), {}
    agent, grpc, outcomes = low_port(), low_port(), low_port()
    with ended(origin), ExitStack() as servers:
        running = servers.enter_context(
            platform(
                folder,
                SADD_GATE_TRUSTED_PROXIES="127.0.0.1/32",
                SADD_GATE_SPOE_PORT=str(agent),
                SADD_GATE_ROOMS_URL=ROOMS_URL,
                SADD_GATE_OUTCOMES_PORT=str(outcomes),
                SADD_GRPC_PORT=str(grpc),
            )
        )
        gate = int(running.url.rpartition(":")[2])
        for proxy in PRESENT:
            own = ports_for(gate, origin.port, agent, grpc, outcomes)
            servers.enter_context(started(proxy, own, ready=429, replaced=TELLING))
            ports[proxy.name] = own.visitors
        yield Site(running, origin, ports)


proxies = pytest.mark.parametrize(
    "proxy",
    [
        pytest.param(
            proxy,
            id=proxy.name,
            marks=pytest.mark.skipif(proxy.missing is not None, reason=proxy.missing or ""),
        )
        for proxy in ASKING
    ],
)


@proxies
def test_a_page_is_led_into_the_room(site: Site, proxy: Proxy) -> None:
    """And the room knows the way back."""
    got = site.stays_outside(proxy, "/results?id=7", *BROWSER)
    assert got.status == 302
    assert got.fields["Location"] == (f"{ROOMS_URL}/queue/{SERVICE}?service={SERVICE}&path=/results%3Fid%3D7")


@proxies
def test_an_app_is_told_where_the_room_is(site: Site, proxy: Proxy) -> None:
    """429 with JSON, by every proxy, and the same address in a field."""
    got = site.stays_outside(proxy, "/results", ("Accept", "application/json"))
    problem = json.loads(got.body)
    assert got.status == 429
    assert got.fields["Content-Type"].partition(";")[0] == "application/problem+json"
    assert problem["type"].endswith("/waiting-room")
    assert problem["room_url"] == got.fields["Sadd-Room"]
    assert problem["room_url"].startswith(f"{ROOMS_URL}/queue/{SERVICE}?")
    assert int(got.fields["Retry-After"]) > 0


@proxies
def test_a_crawler_is_asked_to_come_back(site: Site, proxy: Proxy) -> None:
    """Never a page of ours under 200. Its robots.txt it may read."""
    got = site.stays_outside(proxy, "/results", *CRAWLER)
    assert got.status == (429 if proxy.name == "envoy" else 503)
    assert int(got.fields["Retry-After"]) > 0
    assert site.visit(proxy, "/robots.txt", *CRAWLER).status == 200


@proxies
def test_a_pass_lets_in_once(site: Site, proxy: Proxy) -> None:
    """The redirect takes it out of the address, the entry lets in, and a second device stays outside."""
    shown = f"/results?id=7&sadd_pass={site.a_pass()}"
    got = site.stays_outside(proxy, shown, *BROWSER)
    assert (got.status, got.fields["Location"]) == (302, "/results?id=7")
    cookie, *attributes = got.fields.getall("Set-Cookie")[0].split("; ")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    for _ in range(2):
        inside = site.visit(proxy, "/results?id=7", ("Cookie", f"theme=dark; {cookie}"))
        assert (inside.status, inside.reached["path"]) == (200, "/results?id=7")
    again = site.stays_outside(proxy, shown, BROWSER[0], ("User-Agent", "another"))
    assert again.fields["Location"].endswith("&pass=spent")
    assert "Set-Cookie" not in again.fields


@proxies
def test_an_app_comes_with_its_pass(site: Site, proxy: Proxy) -> None:
    """In a field: the request goes on at once, and the pass is spent."""
    shown = ("Sadd-Pass", site.a_pass())
    got = site.visit(proxy, "/results", shown, method="PUT", body=b"x" * 10)
    assert (got.status, got.reached["method"], got.reached["bytes"]) == (200, "PUT", 10)
    if proxy.name not in QUIET_WHEN_ADMITTED:
        entry = got.fields["Set-Cookie"].partition(";")[0].partition("=")[2]
        assert site.visit(proxy, "/results", ("Sadd-Entry", entry)).status == 200
    assert site.stays_outside(proxy, "/results", shown, ("User-Agent", "another")).status == 429


@pytest.mark.parametrize("name", sorted(TELL))
def test_the_platform_hears_how_the_service_answers(site: Site, name: str) -> None:
    """Every request that was let in is told, its errors too."""
    proxy = next(one for one in PROXIES if one.name == name)
    if proxy.missing:
        pytest.skip(proxy.missing)
    before = site.heard()
    got = site.visit(proxy, "/results", ("Sadd-Pass", site.a_pass()))
    entry = ("Sadd-Entry", got.fields["Set-Cookie"].partition(";")[0].partition("=")[2])
    assert site.visit(proxy, "/status/500", entry).status == 500
    assert eventually_sync(lambda: site.heard() - before >= 2)


def test_keys_are_rotated_while_visitors_are_in(site: Site) -> None:
    """The next key is known everywhere within a second; who is in stays in, and old passes are good."""
    proxy = PRESENT[0]
    shown = site.a_pass()
    got = site.visit(proxy, "/results", ("Sadd-Pass", site.a_pass()))
    entry = ("Sadd-Entry", got.fields["Set-Cookie"].partition(";")[0].partition("=")[2])
    done = site.platform.sadd("queue", "rotate-keys", "--signs-in-seconds", "0", "--json")
    assert done.returncode == 0, done.stderr
    made = {one["purpose"]: one["key_id"] for one in json.loads(done.stdout)}

    def key_of(text: str) -> str:
        return str(json.loads(base64.urlsafe_b64decode(text.partition(".")[0] + "=="))["kid"])

    eventually_sync(lambda: key_of(site.a_pass()) == made["queue-pass"])
    published = json.load(urllib.request.urlopen(f"{site.platform.url}/.well-known/jwks.json"))
    assert {made["queue-pass"], key_of(shown)} <= {key["kid"] for key in published["keys"]}
    assert site.visit(proxy, "/results", entry).status == 200
    assert site.visit(proxy, "/results", ("Sadd-Pass", shown)).status == 200


def forged(text: str) -> dict[str, str]:
    """A pass that was tampered with, by the attack's name."""
    head, payload, signature = text.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    none = part({"alg": "none", "kid": "0", "typ": "JWT"})
    path = part({"alg": "EdDSA", "kid": "../../dev/null", "typ": "JWT"})
    shifted = part({**claims, "jti": claims["sub"], "sub": claims["jti"]})
    later = part({**claims, "exp": int(time.time()) + 999_999})
    return {
        "alg none": f"{none}.{payload}.",
        "kid path": f"{path}.{payload}.{signature}",
        "expired re-sign": f"{head}.{later}.{signature}",
        "field shifting": f"{head}.{shifted}.{signature}",
        "truthy": "true",
        "rubbish": "%00%ff%f0",
        "empty": "",
        "long": "x" * 3_000,
        "unicode": "%D9%86%D8%AA",
        "two": f"{text}&sadd_pass=x",
        "array": f"&sadd_pass[]={text}",
    }


@proxies
def test_a_forged_pass_opens_nothing(site: Site, proxy: Proxy) -> None:
    """In the query, in a field or as an entry; and what cannot be read is not let through for it."""
    for name, text in forged(site.a_pass()).items():
        got = site.stays_outside(proxy, f"/results?sadd_pass={text}", *BROWSER)
        assert got.status in (302, 400), name
        assert "Set-Cookie" not in got.fields, name
        if "&" in text:
            continue
        for field in ("Sadd-Pass", "Sadd-Entry"):
            assert site.stays_outside(proxy, "/results", (field, text)).status in (400, 429), name
        cookie = ("Cookie", f"sadd_entry_{SERVICE}={text}")
        assert site.stays_outside(proxy, "/results", cookie).status in (400, 429), name


@proxies
def test_there_is_no_open_redirect(site: Site, proxy: Proxy) -> None:
    """Wherever the address points to, the visitor stays at this host."""
    for path in ("//evil.example/", "/%5Cevil.example/", "/\\evil.example/", "/.//evil.example/"):
        got = raw(
            site.ports[proxy.name],
            f"GET {path}?sadd_pass={site.a_pass()} HTTP/1.1\r\nHost: portal.example\r\n"
            "Accept: text/html\r\nConnection: close\r\n\r\n".encode(),
            source_of(proxy),
        )
        lines = [line for line in got.split(b"\r\n") if line.lower().startswith(b"location:")]
        for line in lines:
            location = line.partition(b":")[2].strip()
            assert location.startswith((b"/", ROOMS_URL.encode())), (proxy.name, path, line)
            assert not location.startswith((b"//", b"/\\")), (proxy.name, path, line)


@proxies
def test_no_way_round_the_room(site: Site, proxy: Proxy) -> None:
    """Whatever a visitor sends who is not in, the origin does not see him."""
    pass_ = site.a_pass()
    for sent in (
        b"GET /results HTTP/1.1\r\nX-Accel: 1\r\nX-Sadd-Refusal: 200\r\nX-Accel-Redirect: @origin",
        b"GET /results HTTP/1.1\r\nX-Original-URI: /robots.txt\r\nX-Forwarded-Uri: /robots.txt",
        b"GET /x/../robots.txt/../results HTTP/1.1",
        b"GET /robots.txt%00/results HTTP/1.1",
        b"GET /results?/robots.txt HTTP/1.1",
        b"PROPFIND /results HTTP/1.1",
        b"GET /results HTTP/1.0",
        b"GET /results HTTP/1.1\r\nConnection: Sadd-Room, Cookie, X-Forwarded-For",
        b"GET /results HTTP/1.1\r\nCookie: " + b"sadd_entry_x=1; " * 300,
        b"GET /results HTTP/1.1\r\nCookie: \xff\xfe=\xff; sadd_entry_" + SERVICE.encode() + b"=\xff\xfe",
        b"GET /results HTTP/1.1\r\nSadd-Pass: \xff\xfe\r\nSadd-Entry: \xff",
        b"GET /results HTTP/1.1\r\nSadd-Entry: " + pass_.encode(),
        b"GET /results?sadd_pass=" + b"&sadd_pass=".join([b"x"] * 400) + b" HTTP/1.1",
        b"GET /results HTTP/1.1\r\nUser-Agent: \xff\r\nAccept: \xff\r\nSec-Fetch-Mode: \xff",
    ):
        reached, began = len(site.origin.seen), time.monotonic()
        said = raw(site.ports[proxy.name], sent + b"\r\nHost: portal.example\r\n\r\n", source_of(proxy))
        late = time.monotonic() - began > 0.4  # then these proxies open, as they are set up
        assert late or len(site.origin.seen) == reached, (sent, said[:200])
