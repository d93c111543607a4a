"""``sadd cache``: what is kept, why a page or a key is a miss, purges in the audit, pages fetched before."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from cache.cache import Cache
from cache.entry import Content
from cache.policy import Times
from cache.rfc9111.stored import Stored
from cache.valkey import ValkeyStore
from sadd.caching.hot import Hot, HotKey
from sadd.caching.register import Register
from sadd.caching.spaces import Spaces
from sadd.catalogue.importing import import_catalogue
from sadd.postgres.pool import open_pool
from sadd.shield.kept import packed
from sadd.shield.keys import key_of, tag_of
from sadd.telemetry.family import Labels, Sample
from sadd.telemetry.snapshot import Slots, Snapshot
from tests.sadd.catalogue.scene import service, small
from tests.sadd.cli.conftest import Ended, Sadd
from tests.sadd.web.callers import View
from tests.stores import connected

HOST = "results.example.gov"
URL = f"https://{HOST}/ar?x=1"
LIFE = Times(600_000, 900_000)
CATALOGUE = small(service("moehe-results", hosts=(HOST,)), service("moph-b", "moph"))

Counted = dict[str, list[tuple[Labels, Sample]]]
Command = Callable[..., Ended]


@pytest.fixture
def command(
    sadd: Sadd, migrated_database_url: str, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Runs ``sadd cache`` on stores with a small catalogue."""
    asyncio.run(_import(migrated_database_url))
    monkeypatch.setenv("SADD_DATABASE_URL", migrated_database_url)
    monkeypatch.setenv("SADD_VALKEY_URL", valkey_url)
    return lambda *words: sadd("cache", *words)


async def _import(url: str) -> None:
    async with await open_pool(url, pool_max=1, deadline_seconds=30.0) as pool:
        await import_catalogue(pool, CATALOGUE, "tester")


def put(valkey_url: str, namespace: str, key: str, content: Content, times: Times = LIFE) -> None:
    async def do() -> None:
        async with connected(valkey_url) as client:
            space = Spaces(View(CATALOGUE)).of("moehe", namespace)
            await Cache(ValkeyStore(client)).put(space, key, content, times)
            await Register(client).enter("moehe", namespace)

    asyncio.run(do())


def put_page(valkey_url: str, choice: str = "", **changes: Any) -> None:
    """A page as the proxy keeps it: fresh for ten minutes, and the answer to that choice."""

    async def do() -> None:
        async with connected(valkey_url) as client:
            engine, space = (
                Cache(ValkeyStore(client)),
                Spaces(View(CATALOGUE)).of("moehe", "shield-moehe-results"),
            )
            await engine.get(space, "nothing")  # so that its clock is the store's
            now_ms = engine.now_ms()
            stored = Stored(200, (), now_ms, now_ms + 600_000, now_ms + 900_000, 0, 0)
            meta = packed(msgspec.structs.replace(stored, **changes), choice)
            tags = (tag_of("https", HOST.encode(), b"/ar?x=1"),)
            content = Content(b"<p>", "application/http", tags, meta)
            await engine.put(space, key_of("https", HOST.encode(), b"/ar?x=1"), content, LIFE)

    asyncio.run(do())


def audit(database_url: str) -> list[tuple[str, str, dict[str, Any]]]:
    async def read() -> list[Any]:
        connection = await asyncpg.connect(database_url)
        try:
            query = "SELECT actor, subject, after FROM audit WHERE action = 'cache.purge' ORDER BY id"
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    return [(row["actor"], row["subject"], json.loads(row["after"])) for row in asyncio.run(read())]


def test_a_key_is_explained(command: Command, valkey_url: str) -> None:
    """A hit is 0, a miss 1, each with why."""
    put(valkey_url, "pages", "k", Content(b"x", tags=("t",)))
    ended = command("explain", "moehe/pages/k")
    assert ended.code == 0
    assert "a hit: it is fresh" in ended.out
    assert "tags: t" in ended.out
    ended = command("explain", "moehe/pages/none", "--json")
    told = json.loads(ended.out)
    assert (ended.code, told["hit"], told["verdict"]) == (1, False, "none")


def test_a_purge_is_done_and_noted(command: Command, valkey_url: str, migrated_database_url: str) -> None:
    """Who, what, why; then it is gone, or stale."""
    put(valkey_url, "pages", "k", Content(b"x", tags=("t",)))
    assert (
        command("purge", "moehe/pages", "--tag", "t", "--soft", "--note", "a slip", "--by", "Huda").code == 0
    )
    assert "it is stale" in command("explain", "moehe/pages/k").out
    ended = command("purge", "moehe/pages", "--key", "k", "--json", "--by", "Huda")
    assert json.loads(ended.out) == {"namespace": "moehe:pages", "purged": 1, "keys": ["k"]}
    assert command("explain", "moehe/pages/k").code == 1
    assert audit(migrated_database_url) == [
        ("cli:Huda", "cache/moehe:pages", {"tags": ["t"], "soft": True, "note": "a slip"}),
        ("cli:Huda", "cache/moehe:pages", {"keys": ["k"]}),
    ]


def test_a_page_is_purged_by_its_url(command: Command, valkey_url: str) -> None:
    """Under whichever host and scheme it was asked for; its query is part of it."""
    put_page(valkey_url)
    assert command("explain", URL).code == 0
    assert command("purge", f"https://{HOST}/ar").code == 0
    assert command("explain", URL).code == 0
    assert command("purge", "http://moehe-results.localhost/ar?x=1").code == 0
    ended = command("explain", URL)
    assert ended.code == 1
    assert "one of its tags was purged" in ended.out


def test_a_page_is_explained_as_the_proxy_sees_it(command: Command, valkey_url: str) -> None:
    """By what the request shows, the answer's own times, and what its answers vary by."""
    put_page(valkey_url)
    assert "a hit: it is fresh" in command("explain", URL).out
    ended = command("explain", URL, "--field", "Cache-Control: no-cache")
    assert (ended.code, "asked whether it still holds" in ended.out) == (1, True)
    assert (
        "upgrade"
        in command("explain", URL, "--field", "Upgrade: websocket", "--field", "Connection: upgrade").out
    )
    put_page(valkey_url, "another", vary=(b"accept-language",))
    ended = command("explain", URL, "--field", "Accept-Language: ar")
    assert "vary by accept-language" in ended.out
    assert ended.code == 1


def test_a_page_is_looked_for_under_the_other_scheme(command: Command, valkey_url: str) -> None:
    """The proxy keys by scheme: a miss says where it is kept, and guesses at heuristics only without that."""
    put_page(valkey_url)
    ended = command("explain", URL.replace("https:", "http:"))
    assert ended.code == 1
    assert "it is kept under https" in ended.out
    assert "heuristic" not in ended.out
    assert "kept under" not in command("explain", URL).out

    other = command("explain", f"https://{HOST}/never").out
    assert "heuristic is off" in other
    assert "kept under" not in other
    command("purge", URL)
    assert "heuristic" not in command("explain", URL).out


def test_what_is_kept_is_listed(command: Command, valkey_url: str) -> None:
    """By agency and namespace, the proxy's too; then what the workers counted, and the hottest keys."""
    put(valkey_url, "pages", "k", Content(b"x"))
    put_page(valkey_url)
    counted: Counted = {"sadd_cache_hits": [((), Sample(3))], "sadd_cache_misses": [((), Sample(1))]}
    folder = Path(".sadd/run")
    held: Counted = {"sadd_cache_near_bytes": [((), Sample(2_000))]}
    Slots(folder / "metrics", 0).write(Snapshot(10**10, counted, held), 1)
    Slots(folder / "metrics", 1).write(Snapshot(0, counted, held), 1)  # long dead
    (folder / "cache-hot").mkdir(parents=True)
    hot = Hot(10**10, (HotKey("moehe:pages", "k", 7), HotKey("moph:pages", "k", 9)))
    (folder / "cache-hot/0.json").write_bytes(msgspec.json.encode(hot))
    out = command("stats", "--hot", "5").out
    assert next(line for line in out.splitlines() if " pages " in line).split()[:3] == ["moehe", "pages", "1"]
    assert "shield-moehe-results" in out
    assert "75.0% of 8" in out
    assert "2,000 of 0 bytes" in out
    assert out.index("moph:pages") < out.rindex("moehe:pages")
    told = json.loads(command("stats", "moehe", "--hot", "5", "--json").out)
    assert [one["namespace"] for one in told["namespaces"]] == ["pages", "shield-moehe-results"]
    assert [one["hits"] for one in told["hot"]] == [7]


@pytest.fixture
def proxy() -> Iterator[str]:
    """Answers 200 under one host and 404 under all others; says what it was asked."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers["Host"] == HOST else 404)
            self.send_header("Cache-Status", f"sadd; hit; detail={self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_pages_are_fetched_before_the_crowd(sadd: Sadd, proxy: str) -> None:
    """Each once, under the host of its URL; 1 when one was not answered with success."""
    Path("urls.txt").write_text(f"# results\n{URL}\n\nhttps://{HOST}/en\n")
    ended = sadd("cache", "warm", "--file", "urls.txt", "--at", proxy, "--json")
    assert ended.code == 0
    assert [(one["status"], one["told"]) for one in json.loads(ended.out)] == [
        (200, "sadd; hit; detail=/ar?x=1"),
        (200, "sadd; hit; detail=/en"),
    ]
    ended = sadd("cache", "warm", URL, "http://other.example/", "--at", proxy)
    assert (ended.code, ended.err) == (1, "200: 1, 404: 1\n")


def test_the_proxy_is_asked_where_that_is_wanted(command: Command, proxy: str) -> None:
    """Its Cache-Status is told."""
    ended = command("explain", URL, "--ask", "--at", proxy)
    assert "the proxy answers 200, sadd; hit; detail=/ar?x=1" in ended.out


WRONG = (
    ("purge", "moehe/pages"),
    ("purge", URL, "--everything"),
    ("purge", "moehe/pages/k", "--everything"),
    ("purge", "nobody/pages", "--everything"),
    ("purge", "moehe/Pages", "--everything"),
    ("purge", "https://other.example/", "--soft"),
    ("purge", "moehe/pages", "--tag", ""),
    ("explain", "moehe/pages"),
    ("purge", "moehe/shield-moehe-resutls", "--everything"),
    ("explain", "moehe/pages/k", "--ask"),
    ("explain", f"https://{HOST}/a/../b"),
    ("explain", URL, "--ask"),
    ("explain", URL, "--ask", "--at", "x"),
    ("stats", "nobody"),
    ("warm",),
    ("warm", "ftp://x"),
    ("warm", URL),
    ("warm", URL, "--at", "x:y"),
    ("warm", URL, "--at", "127.0.0.1:1", "--at-once", "0"),
    ("warm", "--file", "nowhere"),
)


def test_a_wrong_word_is_one_line(command: Command) -> None:
    """And exit code 2; nothing is purged."""
    for words in WRONG:
        ended = command(*words)
        assert (ended.code, ended.out) == (2, ""), words
        assert ended.err.startswith("sadd cache"), words
        assert ended.err.count("\n") == 1, words


def test_without_a_platform_it_says_so(sadd: Sadd, migrated_database_url: str) -> None:
    """One line, and exit code 1."""
    asyncio.run(_import(migrated_database_url))
    ended = sadd("cache", "stats", "--database-url", migrated_database_url)
    assert (ended.code, ended.out) == (1, "")
    assert "no platform runs" in ended.err
