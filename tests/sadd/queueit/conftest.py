"""A site that runs the real connector in Node, and a platform that it is connected to.

The connector comes by ``npm ci`` from the lock file in ``site``, which has the hash of each package. Without
Node, or where the package can be had neither from npm's own cache nor by the network, the tests are skipped
and say so.
"""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore as LimitStore
from sadd.app.queues import Queues, open_queues
from sadd.catalogue import view as catalogue_view
from sadd.catalogue.model import Capacity
from sadd.catalogue.view import CatalogueView
from sadd.postgres.pool import open_pool
from sadd.queueit import store
from sadd.queueit.connection import Connection, ConnectionSettings
from sadd.session.ids import Ids
from sadd.session.sessions import Sessions
from sadd.session.valkey import ValkeyStore as SessionStore
from sadd.settings import Settings
from sadd.signing import load_signing_keys
from tests.sadd.catalogue.scene import service, small
from tests.sadd.web.served import Served, served
from tests.stores import connected

SITE = Path(__file__).parent / "site"
HOST, QUEUE = "results.moehe.gov.example", "queue.gov.example"
RESULTS = "moehe-results"
SETTINGS = ConnectionSettings(
    customer="moehe",
    agency="moehe",
    services=(RESULTS,),
    domain=QUEUE,
    ignored=("/health",),
    leaving=("/bye",),
)
NPM_SECONDS = 60


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the site and the connector that it runs."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return _missing("node and npm are missing (tests/system-packages.sh installs nodejs as root)")
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(SITE, folder, dirs_exist_ok=True)
    words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        run = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, timeout=NPM_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return _missing("npm did not answer")
    if run.returncode:
        return _missing(f"npm cannot have the connector: {run.stderr.strip()[-300:]}")
    return folder


def _missing(what: str) -> Path:
    pytest.skip(what)


Site = Callable[[bytes, str], "RunningSite"]


@dataclass(frozen=True)
class RunningSite:
    port: int


@pytest.fixture
def site(modules: Path) -> Iterator[Callable[[bytes, str], RunningSite]]:
    """Starts the site with a configuration and a secret."""
    with ExitStack() as running:
        yield lambda config, secret: running.enter_context(_site(modules, config, secret))


@contextmanager
def _site(modules: Path, config: bytes, secret: str) -> Iterator[RunningSite]:
    told = {"config": config.decode(), "customer": "moehe", "secret": secret}
    with subprocess.Popen(
        ["node", "site.js"], cwd=modules, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        node.stdin.write(json.dumps(told).encode())
        node.stdin.close()
        try:
            yield RunningSite(int(node.stdout.readline()))
        finally:
            node.kill()


@dataclass
class Platform:
    """A server with the rooms, a client of it, and the connection."""

    server: Served
    queues: Queues
    connection: Connection


@asynccontextmanager
async def platform(
    valkey_url: str, database_url: str, settings: ConnectionSettings, of_all: Settings | None = None
) -> AsyncIterator[Platform]:
    """One visitor at a time: the second waits."""
    one = Capacity(requests_per_second=40, concurrent_users=2)
    begin = catalogue_view.of(small(service(RESULTS, capacity=one, origin=f"https://{HOST}")))
    pool = await open_pool(database_url, pool_max=8, deadline_seconds=5)
    try:
        async with connected(valkey_url) as client:
            view = CatalogueView(pool, begin=begin)
            connection = await store.connect(pool, settings, "test")
            signing = await load_signing_keys(pool)
            sessions, limiter = Sessions(SessionStore(client), Ids(b"p" * 32)), Limiter(LimitStore(client))
            own = of_all or Settings()
            queues = await open_queues(client, pool, signing, view, sessions, limiter, own)
            async with _at_work(queues), served(queues.endpoints()) as server:
                yield Platform(server, queues, connection)
    finally:
        pool.terminate()


@asynccontextmanager
async def _at_work(queues: Queues) -> AsyncIterator[None]:
    """With what calls the waiting, beside the requests."""
    tasks = [asyncio.create_task(work) for work in queues.work()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@dataclass
class Browser:
    """A visitor: follows redirects over both hosts, which stand for the platform's and the site's ports."""

    ports: dict[str, int]
    session: aiohttp.ClientSession
    seen: list[URL]
    address: str = "192.0.2.7"
    cookies: dict[str, dict[str, tuple[str, str]]] | None = None
    onward: str | None = None
    """Where the last answer leads on to."""

    async def open(self, url: str, method: str = "GET") -> tuple[int, str]:
        """Go there and on, up to ten times; the last answer's status and text."""
        for _ in range(10):
            status, text, onward = await self.step(url, method)
            if onward is None:
                return status, text
            url, method = onward, "GET"
        raise AssertionError(f"round in circles: {self.seen}")

    async def step(self, url: str, method: str = "GET") -> tuple[int, str, str | None]:
        """One request; where it leads on to, if it does."""
        at = URL(url, encoded=True)
        self.seen.append(at)
        assert at.host in self.ports, f"sent to {url}"
        assert at.scheme == "https"
        local = at.with_scheme("http").with_host("127.0.0.1").with_port(self.ports[at.host])
        headers = {"Host": str(at.host), "Cookie": self._sent(at), "X-Visitor": self.address}
        if at.host == QUEUE:
            headers["X-Forwarded-For"] = self.address
        request = self.session.request(method, local, headers=headers, allow_redirects=False)
        async with request as answer:
            self._keep(at, answer.headers.getall("Set-Cookie", []))
            onward = answer.headers.get("Location")
            self.onward = str(at.join(URL(onward, encoded=True))) if onward else None
            return answer.status, await answer.text(), self.onward

    def _sent(self, at: URL) -> str:
        jar = (self.cookies or {}).get(str(at.host), {})
        under = {
            name: value
            for name, (value, path) in jar.items()
            if (at.path + "/").startswith(path.rstrip("/") + "/")
        }
        return "; ".join(f"{name}={value}" for name, value in under.items())

    def _keep(self, at: URL, lines: list[str]) -> None:
        """What a browser does of it that matters here: name, value, path, and an end that has passed."""
        self.cookies = self.cookies if self.cookies is not None else {}
        jar = self.cookies.setdefault(str(at.host), {})
        for line in lines:
            first, *rest = line.split("; ")
            name, _, value = first.partition("=")
            told: dict[str, Any] = {key.lower(): val for key, _, val in (one.partition("=") for one in rest)}
            gone = told.get("max-age") == "0" or str(told.get("expires", "")).startswith("Thu, 01 Jan 1970")
            if gone or value in ("", '""'):
                jar.pop(name, None)
            else:
                jar[name] = (value, str(told.get("path", "/")))


def a_browser(platform: Platform, site: RunningSite, **changes: Any) -> Browser:
    ports = {QUEUE: platform.server.port, HOST: site.port}
    session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
    return replace(Browser(ports, session, []), **changes)
