"""Clients as they are: curl, a browser, and libraries with a cache of their own, each gets right answers.

They talk to the shield over a socket; what they get is compared with what the origin has, and how often the
origin was asked with how often it had to be.
"""

import asyncio
import gzip
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import requests
from hishel import SqliteStorage
from hishel.requests import CacheAdapter
from playwright.async_api import Browser, Page
from requests_cache import CachedSession

from tests.pages.conftest import chromium as chromium
from tests.shield.origin import Origin, Request, ok, origin
from tests.shield.scene import NAME, Scene, shielded

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR = "Cache-Control: max-age=3600"
_numbers = itertools.count()
CURL = shutil.which("curl") or "curl"
TEXT = b"".join(b"line %04d\n" % number for number in range(1000))
PAGE = b"""<!doctype html><meta charset=utf-8><title>Results</title>
<link rel=stylesheet href=/style.css><h1 id=h>Results</h1><img id=i src=/dot.svg alt=dot>
<script src=/run.js></script>"""
DOT = b'<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"><rect width="7" height="7"/></svg>'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _running(_valkey_server: str) -> AsyncIterator[tuple[Origin, Scene]]:
    async with origin(_valkey_server) as site, shielded(site) as shield:
        yield site, shield


@pytest_asyncio.fixture(loop_scope="session")
async def site(_running: tuple[Origin, Scene]) -> Origin:
    """The origin, which was asked nothing yet."""
    made, shield = _running
    made.asked.clear()
    made.says.clear()
    await shield.forget()
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def shield(_running: tuple[Origin, Scene]) -> Scene:
    return _running[1]


@pytest.fixture
def at() -> str:
    """A path that nobody asked for yet: what cannot be shared is remembered as such for a while."""
    return f"/a{next(_numbers)}"


async def curl(shield: Scene, path: str, *words: str) -> bytes:
    """What it wrote; the test fails where it did."""
    url = f"http://{NAME}.localhost:{shield.port}{path}"
    resolve = f"{NAME}.localhost:{shield.port}:127.0.0.1"
    command = ("-sS", "--max-time", "60", "--noproxy", "*", "--resolve", resolve, *words, url)
    running = await asyncio.create_subprocess_exec(
        CURL, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    written, said = await running.communicate()
    assert running.returncode == 0, said
    return written


# -- curl --------------------------------------------------------------------


async def test_curl_gets_a_page_once_from_the_origin(site: Origin, shield: Scene, at: str) -> None:
    """The second time from here, with its age and how it came about."""
    site.says[at] = ok(TEXT, HOUR, 'ETag: "1"')
    assert await curl(shield, at) == await curl(shield, at) == TEXT
    head = await curl(shield, at, "-I")
    assert b"age: " in head.lower()
    assert b"cache-status: sadd; hit" in head.lower()
    assert b"content-length: %d" % len(TEXT) in head.lower()
    assert site.count(at) == 1


async def test_curl_of_http_1_0(site: Origin, shield: Scene, at: str) -> None:
    """An old client gets the same bytes, and no chunks."""
    site.says[at] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    assert await curl(shield, at, "--http1.0") == b"abc"


async def test_curl_compressed(site: Origin, shield: Scene, at: str) -> None:
    """Who takes gzip gets it, who does not gets text, each from a variant of his own."""

    async def negotiates(
        request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if "gzip" in (request.get("accept-encoding") or ""):
            writer.write(ok(gzip.compress(TEXT), HOUR, "Content-Encoding: gzip", "Vary: Accept-Encoding"))
        else:
            writer.write(ok(TEXT, HOUR, "Vary: Accept-Encoding"))

    site.says[at] = negotiates
    for _ in range(2):
        assert await curl(shield, at, "--compressed") == TEXT
        assert await curl(shield, at) == TEXT
        assert gzip.decompress(await curl(shield, at, "-H", "Accept-Encoding: gzip, deflate")) == TEXT
    assert site.count(at) <= 3


async def test_curl_takes_parts(site: Origin, shield: Scene, at: str) -> None:
    """One part, several, the end, and the rest of a download that broke off."""
    site.says[at] = ok(TEXT, HOUR, 'ETag: "1"', "Content-Type: text/plain")
    assert await curl(shield, at, "-r", "10-19") == TEXT[10:20]
    assert await curl(shield, at, "-r", "-10") == TEXT[-10:]
    several = await curl(shield, at, "-r", "0-9,20-29")
    assert TEXT[:10] in several
    assert b"Content-Range: bytes 20-29/10000".lower() in several.lower()
    assert site.count(at) == 1


async def test_curl_resumes(site: Origin, shield: Scene, tmp_path: Path, at: str) -> None:
    """``-C -`` asks for what is missing, and the file is whole."""
    site.says[at] = ok(TEXT, HOUR, 'ETag: "1"')
    file = tmp_path / "a"
    await asyncio.to_thread(file.write_bytes, TEXT[:1234])
    await curl(shield, at, "-C", "-", "-o", str(file))
    assert await asyncio.to_thread(file.read_bytes) == TEXT


async def test_curl_asks_by_validators(site: Origin, shield: Scene, tmp_path: Path, at: str) -> None:
    """By tag and by date: nothing is sent twice, and the origin is not asked for it."""
    site.says[at] = ok(TEXT, HOUR, 'ETag: "1"', "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT")
    tag = str(tmp_path / "tag")
    assert await curl(shield, at, "--etag-save", tag) == TEXT
    assert await curl(shield, at, "--etag-compare", tag, "-w", "%{http_code}") == b"304"
    assert await curl(shield, at, "-z", "Sun, 06 Nov 1994 08:49:37 GMT", "-w", "%{http_code}") == b"304"
    assert (
        await curl(shield, at, "-z", "Sun, 06 Nov 1994 08:49:36 GMT", "-w", "%{http_code}") == TEXT + b"200"
    )
    assert site.count(at) == 1


async def test_curl_sends_bodies(site: Origin, shield: Scene, tmp_path: Path, at: str) -> None:
    """With a length, in chunks, and large enough to wait for 100; each ends what was kept of its page."""
    site.says[at] = ok(b"before", HOUR)
    large = tmp_path / "large"
    await asyncio.to_thread(large.write_bytes, b"x" * 1_500_000)
    ways = (("-d", "x=1"), ("-H", "Transfer-Encoding: chunked", "-d", "x=1"), ("-T", str(large)))
    for number, way in enumerate(ways):
        assert await curl(shield, at) == b"before"
        site.says[at] = ok(b"done", HOUR)
        assert await curl(shield, at, *way) == b"done"
        assert len(site.last().body) == (3, 3, 1_500_000)[number]
        site.says[at] = ok(b"before", HOUR)
        asked = site.count(at)
        assert await curl(shield, at) == b"before"
        assert site.count(at) == asked + 1


async def test_curl_follows_a_redirection_from_here(site: Origin, shield: Scene, at: str) -> None:
    """A permanent one is kept as any page."""
    site.says[at] = ok(b"", HOUR, "Location: /b", status="301 Moved")
    site.says["/b"] = ok(b"there", HOUR)
    assert await curl(shield, at, "-L") == await curl(shield, at, "-L") == b"there"
    assert (site.count(at), site.count("/b")) == (1, 1)


async def test_curl_asks_twice_on_one_connection(site: Origin, shield: Scene, at: str) -> None:
    """Whatever came before, an answer ends where it ends."""
    site.says[at] = ok(TEXT, HOUR)
    site.says["/n"] = b"HTTP/1.1 204 No Content\r\n\r\n"
    url = f"http://{NAME}.localhost:{shield.port}"
    written = await curl(shield, at, f"{url}/n", f"{url}{at}", "-w", "%{num_connects}")
    assert written == b"1" + (TEXT + b"0") * 2


# -- libraries with a cache of their own -------------------------------------


def asked_by(session: requests.Session, shield: Scene, path: str, **more: Any) -> requests.Response:
    """Blocking: called in a thread."""
    with session.get(
        f"http://127.0.0.1:{shield.port}{path}", headers={"Host": NAME}, timeout=60, **more
    ) as got:
        assert got.content is not None
        return got


def in_a_thread(shield: Scene, session: requests.Session, *paths: str) -> Any:
    """All answers, in order."""
    return asyncio.to_thread(lambda: [asked_by(session, shield, path) for path in paths])


def hishel_session(tmp_path: Path) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    storage = SqliteStorage(database_path=tmp_path / "hishel.db")
    session.mount("http://", CacheAdapter(storage=storage, rfc=True))
    return session


def requests_cache_session() -> requests.Session:
    session = CachedSession("clients", backend="memory", cache_control=True)
    session.trust_env = False
    return session


@pytest.fixture(params=["hishel", "requests-cache"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    made = hishel_session(tmp_path) if request.param == "hishel" else requests_cache_session()
    yield made
    made.close()
    for adapter in made.adapters.values():
        storage = getattr(adapter, "storage", None)
        if storage is not None:
            storage.close()


def is_own(got: requests.Response) -> bool:
    """Whether it came from the client's own cache."""
    return bool(getattr(got, "from_cache", False)) or got.headers.get("X-Hishel-From-Cache") == "true"


async def test_a_client_keeps_what_is_fresh(
    site: Origin, shield: Scene, session: requests.Session, at: str
) -> None:
    """It takes our answer for its own cache, with our age in it."""
    site.says[at] = ok(TEXT, HOUR)
    first, second = await in_a_thread(shield, session, at, at)
    assert first.content == second.content == TEXT
    assert not is_own(first)
    assert is_own(second)
    assert site.count(at) == 1


async def test_a_client_does_not_keep_what_was_old_here(
    site: Origin, shield: Scene, session: requests.Session, at: str
) -> None:
    """What the origin's Age and ours made stale for it, it asks for again; we answer."""
    site.says[at] = ok(TEXT, "Cache-Control: max-age=60, s-maxage=3600", "Age: 100")
    first, second = await in_a_thread(shield, session, at, at)
    assert first.content == second.content == TEXT
    assert int(first.headers["age"]) >= 100
    assert site.count(at) == 1


async def test_a_client_that_validates_gets_304_from_here(
    site: Origin, shield: Scene, session: requests.Session, at: str
) -> None:
    """It must ask each time, and the origin hears of it once."""
    site.says[at] = ok(TEXT, "Cache-Control: max-age=0", "CDN-Cache-Control: max-age=3600", 'ETag: "1"')
    answers = await in_a_thread(shield, session, at, at, at)
    assert [got.content for got in answers] == [TEXT] * 3
    assert [got.status_code for got in answers] == [200] * 3
    assert site.count(at) == 1


async def test_a_client_sees_what_changed(
    site: Origin, shield: Scene, session: requests.Session, at: str
) -> None:
    """Once the page is ended here, its validation brings the new one."""
    site.says[at] = ok(b"old", "Cache-Control: max-age=0", "CDN-Cache-Control: max-age=3600", 'ETag: "1"')
    await in_a_thread(shield, session, at)
    site.says[at] = ok(b"new", "Cache-Control: max-age=0", "CDN-Cache-Control: max-age=3600", 'ETag: "2"')
    assert (await in_a_thread(shield, session, at))[0].content == b"old"
    await shield.forget()
    assert (await in_a_thread(shield, session, at))[0].content == b"new"


async def test_a_client_keeps_nothing_that_it_must_not(
    site: Origin, shield: Scene, session: requests.Session, at: str
) -> None:
    """Neither does it nor do we."""
    site.says[at] = ok(TEXT, "Cache-Control: no-store")
    answers = await in_a_thread(shield, session, at, at)
    assert [is_own(got) for got in answers] == [False, False]
    assert site.count(at) == 2


async def test_a_client_that_varies(site: Origin, shield: Scene, session: requests.Session, at: str) -> None:
    """One URL in two languages."""

    async def speaks(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tongue = request.get("accept-language") or "none"
        writer.write(ok(tongue.encode(), HOUR, "Vary: Accept-Language", f"Content-Language: {tongue}"))

    site.says[at] = speaks

    def ask(language: str) -> bytes:
        headers = {"Host": NAME, "Accept-Language": language}
        return session.get(f"http://127.0.0.1:{shield.port}{at}", headers=headers, timeout=60).content

    for language in ("ar-QA", "en-GB", "ar-QA", "en-GB"):
        assert await asyncio.to_thread(ask, language) == language[:2].encode()


async def test_a_connection_of_the_standard_library(site: Origin, shield: Scene, at: str) -> None:
    """Ten pages one after the other on one connection, from here and from the origin in turn."""

    def ask() -> list[bytes]:
        connection = HTTPConnection("127.0.0.1", shield.port, timeout=60)
        got = []
        for number in range(10):
            connection.request("GET", f"{at}/{number % 3}" if number % 2 else "/n", headers={"Host": NAME})
            got.append(connection.getresponse().read())
        connection.close()
        return got

    site.says[at] = ok(TEXT, HOUR)
    site.says["/n"] = ok(b"now", "Cache-Control: no-store")
    assert await asyncio.to_thread(ask) == [b"now", TEXT] * 5


# -- a browser ---------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """Of a profile that has nothing yet."""
    context = await chromium.new_context(locale="ar")
    context.set_default_timeout(60_000)
    yield await context.new_page()
    await context.close()


def url(shield: Scene, path: str) -> str:
    return f"http://{NAME}.localhost:{shield.port}{path}"


def a_site(site: Origin) -> None:
    site.says["/page"] = ok(PAGE, HOUR, "Content-Type: text/html")
    site.says["/style.css"] = ok(b"h1 { color: rgb(1, 2, 3) }", HOUR, "Content-Type: text/css")
    site.says["/dot.svg"] = ok(DOT, HOUR, "Content-Type: image/svg+xml")
    site.says["/run.js"] = ok(b"document.title = 'ran'", HOUR, "Content-Type: text/javascript")


async def test_a_browser_shows_a_page_and_all_that_belongs_to_it(
    site: Origin, shield: Scene, chromium: Browser
) -> None:
    """Three visitors with browsers of their own: each part is asked of the origin once."""
    a_site(site)
    for _ in range(3):
        context = await chromium.new_context()
        one = await context.new_page()
        await one.goto(url(shield, "/page"), timeout=60_000)
        assert await one.title() == "ran"
        assert await one.evaluate("getComputedStyle(document.getElementById('h')).color") == "rgb(1, 2, 3)"
        assert await one.evaluate("document.getElementById('i').naturalWidth") == 7
        await context.close()
    for part in ("/page", "/style.css", "/dot.svg", "/run.js"):
        assert site.count(part) == 1


FETCH = """async ([path, mode, headers]) => {
  const got = await fetch(path, {cache: mode, headers});
  return [got.status, await got.text(), Object.fromEntries(got.headers)];
}"""


async def fetched(
    page: Page, path: str, mode: str = "default", **headers: str
) -> tuple[int, str, dict[str, str]]:
    status, text, fields = json.loads(json.dumps(await page.evaluate(FETCH, [path, mode, headers])))
    return status, text, fields


async def test_a_browsers_reload_asks_the_origin_and_a_visit_does_not(
    site: Origin, shield: Scene, page: Page
) -> None:
    """Each mode of its own cache comes to what its request says to us."""
    a_site(site)
    site.says["/data"] = ok(b"one", HOUR, 'ETag: "1"')
    await page.goto(url(shield, "/page"))
    assert (await fetched(page, "/data"))[:2] == (200, "one")
    assert (await fetched(page, "/data", "no-store"))[1] == "one"
    before = site.count("/data")
    assert (await fetched(page, "/data", "force-cache"))[1] == "one"
    assert site.count("/data") == before
    site.says["/data"] = ok(b"two", HOUR, 'ETag: "2"')
    assert (await fetched(page, "/data"))[1] == "one"
    assert (await fetched(page, "/data", "reload"))[1] == "two"
    assert (await fetched(page, "/data"))[1] == "two"


async def test_a_reload_of_what_cannot_change_is_answered_here(
    site: Origin, shield: Scene, page: Page
) -> None:
    """RFC 8246: while it is fresh."""
    a_site(site)
    site.says["/page"] = ok(PAGE, HOUR + ", immutable", "Content-Type: text/html", 'ETag: "1"')
    await page.goto(url(shield, "/page"))
    await page.reload()
    assert await page.title() == "ran"
    assert site.count("/page") == 1


async def test_a_browser_validates_and_takes_parts(site: Origin, shield: Scene, page: Page) -> None:
    """304 is made here and becomes 200 in it; a part is a part."""
    a_site(site)
    site.says["/data"] = ok(TEXT, "Cache-Control: no-cache", "CDN-Cache-Control: max-age=600", 'ETag: "1"')
    await page.goto(url(shield, "/page"))
    for _ in range(2):
        assert (await fetched(page, "/data"))[:2] == (200, TEXT.decode())
    status, text, fields = await fetched(page, "/data?part", Range="bytes=10-19")
    assert (status, text) == (206, TEXT[10:20].decode())
    assert fields["content-range"] == f"bytes 10-19/{len(TEXT)}"
    assert [one.target for one in site.asked if one.target.startswith("/data")] == ["/data", "/data?part"]
    assert site.last().get("range") is None


async def test_a_browsers_form_ends_the_page(site: Origin, shield: Scene, page: Page) -> None:
    """What it posts shows at once, to it and to others."""
    a_site(site)
    site.says["/list"] = ok(b"empty", "Cache-Control: s-maxage=600, max-age=0")
    await page.goto(url(shield, "/page"))
    assert (await fetched(page, "/list"))[1] == "empty"
    site.says["/list"] = ok(b"one", "Cache-Control: s-maxage=600, max-age=0")
    assert (await fetched(page, "/list"))[1] == "empty"
    await page.evaluate("fetch('/list', {method: 'POST', body: 'x'}).then(got => got.text())")
    assert (await fetched(page, "/list"))[1] == "one"
    assert (await shield.ask("/list")).body == b"one"


async def test_a_browser_reads_its_language(site: Origin, shield: Scene, page: Page) -> None:
    """It asks for Arabic, the next visitor for English."""

    async def speaks(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arabic = (request.get("accept-language") or "").startswith("ar")
        body = "<title>نتائج</title>" if arabic else "<title>Results</title>"
        writer.write(
            ok(body.encode(), HOUR, "Content-Type: text/html; charset=utf-8", "Vary: Accept-Language")
        )

    site.says["/page"] = speaks
    await page.goto(url(shield, "/page"))
    assert await page.title() == "نتائج"
    assert b"Results" in (await shield.ask("/page", "Accept-Language: en")).body
