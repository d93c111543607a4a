"""Cache poisoning: nothing that one visitor sends changes what the next one gets.

The origin writes all that it was asked with into its answer and says that everybody may keep it for an hour,
without a Vary. An attacker asks first, with one odd thing in his request; then anybody asks for that page.
70 fields x 2 pages x 2 mounts x 3 normalisers, and paths that mean another page to the origin than to us.
"""

import pytest

from tests.shield.normalisers import NORMALISERS, careless
from tests.shield.origin import Origin, ok
from tests.shield.scene import Scene
from tests.shield.visitor import Visitor, shows

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = "evil-4417"
NAMES = [
    *(
        "X-Forwarded-Host",
        "X-Forwarded-Server",
        "X-Forwarded-Scheme",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
    ),
    *(
        "X-Forwarded-For",
        "X-Forwarded-Prefix",
        "X-Forwarded-SSL",
        "Forwarded",
        "X-Host",
        "X-HTTP-Host-Override",
    ),
    *("X-Original-URL", "X-Original-Host", "X-Rewrite-URL", "X-Original-Method", "X-HTTP-Method-Override"),
    *("X-Method-Override", "X-HTTP-Method", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"),
    *(
        "X-Sadd-Subject",
        "X-Accel-Redirect",
        "X-Sendfile",
        "X-Wap-Profile",
        "X-Requested-With",
        "X-Debug",
        "X-Meta",
    ),
    *(
        "User-Agent",
        "Referer",
        "Accept",
        "Accept-Language",
        "Accept-Encoding",
        "Accept-Charset",
        "Origin",
        "Cookie",
    ),
    *(
        "Authorization",
        "Proxy-Authorization",
        "Content-Type",
        "Content-Language",
        "Content-Location",
        "If-Match",
    ),
    *(
        "If-None-Match",
        "If-Modified-Since",
        "If-Range",
        "Range",
        "Expect",
        "TE",
        "Trailer",
        "Via",
        "Max-Forwards",
    ),
    *("Pragma", "Cache-Control", "Cookie2", "Date", "DNT", "Save-Data", "Upgrade-Insecure-Requests", "From"),
    *("Access-Control-Request-Method", "Sec-Fetch-Site", "Surrogate-Capability", "CDN-Loop", "X-Api-Version"),
]
ODD_VALUES = [
    *(f"X-Forwarded-Scheme: http{EVIL}", "X-Forwarded-Scheme: http", f"X-Oversized: {EVIL * 700}"),
    *(
        f"Range: bytes=0-3 {EVIL}",
        "Range: bytes=0-3",
        f"X-Forwarded-Host: a, {EVIL}",
        f"Accept-Encoding: {EVIL}, gzip",
    ),
    *(
        f"Connection: X-Named\r\nX-Named: {EVIL}",
        f"Accept-Language: {EVIL}, ar;q=0.1",
        f"X_Forwarded_Host: {EVIL}",
    ),
    *("X-HTTP-Method-Override: POST", "X-Method-Override: PUT", f"Cookie: lang={EVIL}; a={EVIL}"),
]
ATTACKS = [*(f"{name}: {EVIL}" for name in NAMES), *ODD_VALUES]
BROWSER = (
    "User-Agent: Mozilla/5.0",
    "Accept: text/html,application/xhtml+xml",
    "Accept-Language: ar-QA,ar;q=0.9,en;q=0.8",
    "Accept-Encoding: gzip, deflate, br, zstd",
)


@pytest.mark.parametrize("name", NORMALISERS)
@pytest.mark.parametrize("mount", ["", "/public"])
async def test_no_field_of_one_visitor_reaches_another(
    site: Origin, shield: Scene, name: str, mount: str
) -> None:
    """Whoever asks next, a program or a browser, gets the page as it is for everybody."""
    prefix = f"{mount}/{name}"
    site.says[prefix] = careless(name, prefix)
    poisoned: list[str] = []
    hits = 0
    async with Visitor(shield.port, shield.host) as attacker, Visitor(shield.port, shield.host) as victim:
        for number, attack in enumerate(ATTACKS):
            for page in (f"{prefix}/news/{number}", f"{prefix}/news/{number}.css?v=1"):
                await attacker.ask(page, attack)
                await attacker.ask(page, attack, *BROWSER[1:])
                for fields in ((), BROWSER):
                    got = await victim.ask(page, *fields)
                    hits += "sadd; hit" in (got.get("cache-status") or "")
                    if got.status != 200 or shows(got, EVIL):
                        poisoned.append(f"{page} by {attack[:60]}: {got.status}")

    assert poisoned == []
    assert hits > 100, "what the attacker asked for was kept, or this test shows nothing"


BODIES = [b"x=" + EVIL.encode(), b'{"x": "%b"}' % EVIL.encode()]


@pytest.mark.parametrize("name", NORMALISERS)
async def test_no_body_or_method_of_one_visitor_reaches_another(
    site: Origin, shield: Scene, name: str
) -> None:
    """The body of a GET, a HEAD, or another method leaves nothing behind."""
    site.says[f"/{name}"] = careless(name, f"/{name}")
    poisoned: list[str] = []
    async with Visitor(shield.port, shield.host) as attacker, Visitor(shield.port, shield.host) as victim:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "PURGE", "X-ODD", "get"):
            for number, body in enumerate((b"", *BODIES)):
                page = f"/{name}/news/{method}-{number}"
                await attacker.ask(page, f"X-Evil: {EVIL}", method=method, body=body)
                got = await victim.ask(page)
                if got.status != 200 or shows(got, EVIL) or not got.body.startswith(b"GET "):
                    poisoned.append(f"{page}: {got.status}")

    assert poisoned == []


SPELLINGS = [
    *(
        "/news%3Fx={evil}",
        "/news;x={evil}",
        "/news%3Bx={evil}",
        "/news#x={evil}",
        "/news%23{evil}",
        "/news/{evil}",
    ),
    *("/news//{evil}", "/news/%2e%2e/{evil}", "/{evil}/../news", "/{evil}/%252e%252e/news", "/news%00{evil}"),
    *(
        "/news%0a{evil}",
        "/news\\{evil}",
        "/news%5c{evil}",
        "/news%2f{evil}",
        "/news?{evil}",
        "/news?x={evil}&x=1",
    ),
    *(
        "/news?utm_source={evil}",
        "/news?x=1;x={evil}",
        "/news?x=1%26x={evil}",
        "/NEWS/{evil}",
        "/%6eews/{evil}",
    ),
    *("/news%20{evil}", "/news.css?{evil}", "/news?x=1?x={evil}", "/news%252f{evil}", "/news%253f{evil}"),
]
ASKED = ("/news", "/news?x=1", "/news/", "/news.css")


@pytest.mark.parametrize("name", NORMALISERS)
async def test_no_spelling_of_a_path_poisons_another(site: Origin, shield: Scene, name: str) -> None:
    """What an origin takes for the same page is another key here."""
    site.says[f"/{name}"] = careless(name, f"/{name}")
    poisoned: list[str] = []
    async with Visitor(shield.port, shield.host) as attacker, Visitor(shield.port, shield.host) as victim:
        for spelling in SPELLINGS:
            await attacker.ask(f"/{name}" + spelling.format(evil=EVIL))
            for page in ASKED:
                got = await victim.ask(f"/{name}{page}")
                if got.status != 200 or shows(got, EVIL):
                    poisoned.append(f"{page} by {spelling}: {got.status}")

    assert poisoned == []


async def test_the_matrix_is_no_smaller_than_it_says() -> None:
    """At least 500 cases of field, page and normaliser."""
    assert len(set(ATTACKS)) * 2 * 2 * len(NORMALISERS) >= 500


async def test_another_host_is_no_way_in(site: Origin, shield: Scene) -> None:
    """An origin never hears a name that its service does not have."""
    site.says["/a"] = careless("container", "")
    for host in (
        EVIL,
        f"{EVIL}.example",
        f"{shield.host}:80@{EVIL}",
        f"{shield.host}.{EVIL}",
        f"{shield.host}/{EVIL}",
    ):
        answer = await shield.ask("/a", host=host)
        assert answer.status in (400, 421)
    ported = await shield.ask("/a", host=f"{shield.host}:4417")
    assert ported.status == 200
    assert not shows(ported, "4417")
    assert not shows(await shield.ask("/a"), "4417")


async def test_an_error_that_an_origin_lets_everybody_keep_is_not_kept(site: Origin, shield: Scene) -> None:
    """CPDoS: whoever provokes an error gets it alone."""
    for status in (400, 403, 404, 405, 408, 413, 414, 429, 431, 500, 501, 502, 503):
        site.says["/e"] = ok(b"no", "Cache-Control: public, s-maxage=600", status=f"{status} No")
        assert (await shield.ask(f"/e/{status}")).status == status
        site.says["/e"] = ok(b"yes")
        assert (await shield.ask(f"/e/{status}")).body == b"yes"
