"""Cache deception: no path, whatever an origin makes of it, brings one visitor another's page.

A victim opens a link that an attacker made; then the attacker opens it, and the pages that it could mean.
The origin says of every answer that it is everybody's. 95 paths x 4 ways to be known x 3 normalisers, and
with a session the same behind a route that the catalogue calls public.
"""

import asyncio
from collections.abc import Iterator

import pytest

from sadd.web.sessions import SESSION_COOKIES, SESSION_HEADER
from tests.shield.gatekeepers import SHOWN
from tests.shield.normalisers import NORMALISERS, careless
from tests.shield.origin import Origin, Request, ok
from tests.shield.scene import Scene
from tests.shield.visitor import Visitor, shows

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "victim-7391"
SHOWN_BY = {
    "session cookie": f"Cookie: theme=dark; {SESSION_COOKIES[0]}={SHOWN}",
    "session field": f"{SESSION_HEADER}: {SHOWN}",
    "authorization": f"Authorization: Bearer {SECRET}",
    "the origin's own cookie": f"Cookie: JSESSIONID={SECRET}",
}
SUFFIXES = [
    *("", "/", "/x.css", ".css", ".js", ".ico", ".png", ".svg", ".woff2", ".pdf", ".json", ".txt", ".map"),
    *("/robots.txt", "/favicon.ico", "/static/x.js", "/index.php/x.css", "/.css", "//x.css", "/x.css/"),
    *(";x.css", ";jsessionid=1.css", "/;x.css", ";/x.css", "%3Bx.css", "%3b/x.css", "!x.css", "~x.css"),
    *("$x.css", "&x.css", ",x.css", "'x.css", "(x).css", "*x.css", "+x.css", ":x.css", "=x.css", "@x.css"),
    *("%20x.css", "%21x.css", "%23x.css", "%3Fx.css", "%26x.css", "%2ecss", "%2e%63ss", "%252ex.css"),
    *("?x.css", "?cb=1.css", "/x.css?y=1", "/?.css", "%3F.css", "%253Fx.css", "%2523x.css", "%252Fx.css"),
    *("%C0%AFx.css", "%EF%BC%8Fx.css", "%E2%80%AEx.css", "./x.css", "%2e/x.css", "/x.css;y", "/x.css%3By"),
    *("%2Fx.css", "%2f..%2fx.css", "%5Cx.css", "%00.css", "%0A.css", "%0d%0a.css", "%09.css", "%7f.css"),
    *("/../x.css", "/..%2fx.css", "/%2e%2e/x.css", "/..;/x.css", "/.;/x.css", "\\x.css", "#x.css"),
]
AROUND = [
    *("//account", "/./account", "/ACCOUNT/x.css", "/Account.css", "/%61ccount/x.css", "/%61ccount"),
    *("/static/../account", "/static/..;/account", "/static/..%2faccount", "/static/%2e%2e/account"),
    *("/static/%252e%252e/account", "/static/%252e%252e%252faccount", "/static/..%5caccount"),
    *("/static\\..\\account", "/static/x/%252e%252e/%252e%252e/account", "/static/;/%252e%252e/account"),
    *("/static;/%252e%252e/account", "/x.css/%252e%252e/account", "/x.css%253F/%252e%252e/account"),
]
PATHS = [*("/account" + suffix for suffix in SUFFIXES), *AROUND]
SIBLINGS = ("/account", "/account/x.css", "/account.css")


def mounted(site: Origin, *mounts: str) -> Iterator[str]:
    """Each normaliser at paths of its own."""
    for name in NORMALISERS:
        for prefix in (f"{mount}/{name}" for mount in mounts):
            site.says[prefix] = careless(name, prefix)
            yield prefix


@pytest.mark.parametrize("shown_by", SHOWN_BY)
async def test_no_path_shows_one_visitors_page_to_another(site: Origin, shield: Scene, shown_by: str) -> None:
    """Whatever the victim opened first, nobody else gets to see who she is."""
    leaks: list[str] = []
    victims_own = 0
    mounts = ("", "/public") if shown_by == "session cookie" else ("",)
    shield.sessions.subject = SECRET
    async with Visitor(shield.port, shield.host) as victim, Visitor(shield.port, shield.host) as attacker:
        for prefix in mounted(site, *mounts):
            for path in PATHS:
                hers = await victim.ask(prefix + path, SHOWN_BY[shown_by])
                victims_own += shows(hers, SECRET)
                if shows(await attacker.ask(prefix + path), SECRET):
                    leaks.append(prefix + path)
            others = [await attacker.ask(prefix + path, "Cookie: JSESSIONID=other") for path in SIBLINGS]
            leaks += [
                f"{prefix}{path}, later"
                for path, got in zip(SIBLINGS, others, strict=True)
                if shows(got, SECRET)
            ]

    assert leaks == []
    if shown_by != "the origin's own cookie":  # of which an origin of shared pages never hears
        assert victims_own > 60, "the origin was asked for her own page often, or this test shows nothing"


async def test_the_matrix_is_no_smaller_than_it_says() -> None:
    """At least 500 cases of path, way to be known and normaliser; many of them reach the private page."""
    assert len(set(PATHS)) * len(SHOWN_BY) * len(NORMALISERS) >= 500
    reached = {
        name: sum(_is_private(normal(path.partition("?")[0])) for path in PATHS)
        for name, normal in NORMALISERS.items()
    }
    assert min(reached.values()) >= 20, reached


def _is_private(page: str) -> bool:
    return page == "/account" or page.startswith("/account/")


@pytest.mark.parametrize("name", NORMALISERS)
async def test_what_an_attacker_keeps_is_not_shown_to_who_is_signed_in(
    site: Origin, shield: Scene, name: str
) -> None:
    """The other way round: a page that was kept for nobody is not the answer to who shows a session."""
    site.says[f"/{name}"] = careless(name, f"/{name}")
    shield.sessions.subject = SECRET
    async with Visitor(shield.port, shield.host) as visitor:
        assert shows(await visitor.ask(f"/{name}/account"), "nobody")
        assert shows(await visitor.ask(f"/{name}/account", SHOWN_BY["session cookie"]), SECRET)
        assert shows(await visitor.ask(f"/{name}/account", SHOWN_BY["authorization"]), SECRET)
        assert shows(await visitor.ask(f"/{name}/account"), "nobody")


@pytest.mark.parametrize(
    "says",
    [
        "private",
        "no-store",
        "public, max-age=60\r\nVary: Cookie",
        "public, max-age=60\r\nSet-Cookie: a=1",
        "max-age=0",
    ],
)
@pytest.mark.parametrize("shown_by", ["Cookie: id={}", "Authorization: {}"])
async def test_those_who_ask_at_the_same_time_get_each_his_own(
    site: Origin, shield: Scene, says: str, shown_by: str
) -> None:
    """A crowd that asks for one private page at once is not told one answer."""

    async def own(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0)
        who = request.get("cookie") or request.get("authorization") or "nobody"
        writer.write(ok(f"for {who};".encode(), f"Cache-Control: {says}"))

    site.says["/me"] = own
    path = f"/me/{len(says)}-{shown_by[:6]}"
    asking = [shield.ask(path, shown_by.format(f"visitor-{number}")) for number in range(40)]
    answers = await asyncio.gather(*asking)

    assert [got.status for got in answers] == [200] * 40
    wrong = [number for number, got in enumerate(answers) if f"visitor-{number};".encode() not in got.body]
    assert wrong == []
