"""The peers by name: how each is installed and started, with the settings that served it best here."""

import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drivers.asked import SLOT, Grpc, post
from benchmarks.peers.contender import GUBERNATOR, RLS, RLS_OK, Contender, gubernator_message, rls_message
from benchmarks.peers.folder import Recipe, installed
from benchmarks.peers.process import Running
from benchmarks.servers import free_ports

HERE = Path(__file__).parent
CHECK = post("/v1/limits/check", b'{"policy":"bench-open","key":"' + SLOT + b'","cost":1}')

MINIMAL, FASTAPI, NODE = "aiohttp + redis-py", "FastAPI + limits", "Node + rate-limiter-flexible"
RATELIMIT, GUBER = "envoyproxy/ratelimit", "gubernator"

FASTAPI_PINS = ("fastapi==0.163.2", "limits==5.8.0", "redis==8.1.0", "hiredis==3.5.0", "uvicorn==0.54.0")
FASTER_PINS = ("uvloop==0.23.0", "httptools==0.9.0")
NPM = ("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", "{folder}")
GO = ("env", "GOBIN={folder}", "go", "install")
FASTAPI_RECIPE = Recipe(
    "fastapi-0.163.2-limits-5.8.0",
    "python3",
    (
        (sys.executable, "-m", "venv", "{folder}/venv"),
        ("{folder}/venv/bin/python", "-m", "pip", "install", "-q", *FASTAPI_PINS, *FASTER_PINS),
    ),
)
NODE_RECIPE = Recipe(
    "rate-limiter-flexible-11.4.0", "npm", ((*NPM, "rate-limiter-flexible@11.4.0", "ioredis@6.0.0"),)
)
RATELIMIT_MODULE = "github.com/envoyproxy/ratelimit/src/service_cmd"
RATELIMIT_VERSION = "v1.4.1-0.20260122083618-3fb702589d36"
RATELIMIT_RECIPE = Recipe(
    "envoyproxy-ratelimit-3fb702589d36", "go", ((*GO, f"{RATELIMIT_MODULE}@{RATELIMIT_VERSION}"),)
)
GUBER_MODULE = "github.com/gubernator-io/gubernator/v2/cmd/gubernator"
GUBER_RECIPE = Recipe("gubernator-2.13.0", "go", ((*GO, f"{GUBER_MODULE}@v2.13.0"),))
# Without its own statistics, and with pipelines of 150 us, it made half as much again as with its defaults.
RATELIMIT_ENV = {
    "DISABLE_STATS": "true",
    "REDIS_PIPELINE_WINDOW": "150us",
    "REDIS_SOCKET_TYPE": "tcp",
    "RUNTIME_SUBDIRECTORY": "",
    "RUNTIME_WATCH_ROOT": "false",
    "USE_STATSD": "false",
    "LOG_LEVEL": "error",
    "HOST": "127.0.0.1",
    "GRPC_HOST": "127.0.0.1",
    "DEBUG_HOST": "127.0.0.1",
}
RATELIMIT_CONFIG = """
domain: bench
descriptors:
  - key: citizen
    rate_limit: {unit: minute, requests_per_unit: 600000}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where peers are started: ``folder`` is for this run, ``peers`` outlives it."""

    stack: ExitStack
    folder: Path
    peers: Path
    store_port: int

    def run(self, name: str, words: tuple[str, ...], port: int, **env: str) -> dict[str, tuple[int, ...]]:
        log = self.folder / f"{name}.log"
        running = self.stack.enter_context(Running(words, port, log, env, self.folder))
        return {"server": (running.pid,)}


def minimal(place: Place) -> Contender:
    port = free_ports(1)[0]
    words = (sys.executable, str(HERE / "aiohttp_redis.py"), str(port), str(place.store_port))
    return Contender(MINIMAL, port, CHECK, place.run("aiohttp_redis", words, port))


def fastapi(place: Place) -> Contender:
    port = free_ports(1)[0]
    python = installed(FASTAPI_RECIPE, place.peers) / "venv/bin/python"
    words = (str(python), str(HERE / "fastapi_limits.py"), str(port), str(place.store_port))
    return Contender(FASTAPI, port, CHECK, place.run("fastapi", words, port))


def node(place: Place) -> Contender:
    port = free_ports(1)[0]
    folder = installed(NODE_RECIPE, place.peers)
    # A program finds packages from where it lies.
    program = str(shutil.copy(HERE / "flexible.mjs", folder))
    words = (shutil.which("node") or "node", program, str(port), str(place.store_port))
    return Contender(NODE, port, CHECK, place.run("flexible", words, port))


def ratelimit(place: Place) -> Contender:
    port, http, debug = free_ports(3)
    binary = installed(RATELIMIT_RECIPE, place.peers) / "service_cmd"
    config = place.folder / "ratelimit/config/bench.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(RATELIMIT_CONFIG)
    env = RATELIMIT_ENV | {
        "RUNTIME_ROOT": str(config.parents[1]),
        "REDIS_URL": f"127.0.0.1:{place.store_port}",
        "GRPC_PORT": str(port),
        "PORT": str(http),
        "DEBUG_PORT": str(debug),
    }
    roles = place.run("ratelimit", (str(binary),), port, **env)
    return Contender(RATELIMIT, port, Grpc(RLS, rls_message("bench"), RLS_OK), roles, lines=8, streams=32)


def gubernator(place: Place) -> Contender:
    """It keeps its counters in its own memory, so the store is spared."""
    port, http = free_ports(2)
    binary = installed(GUBER_RECIPE, place.peers) / "gubernator"
    env = {
        "GUBER_GRPC_ADDRESS": f"127.0.0.1:{port}",
        "GUBER_HTTP_ADDRESS": f"127.0.0.1:{http}",
        "GUBER_ADVERTISE_ADDRESS": f"127.0.0.1:{port}",
        "GUBER_CACHE_SIZE": "200000",
        "GUBER_LOG_LEVEL": "error",
    }
    roles = place.run("gubernator", (str(binary),), port, **env)
    asked = Grpc(GUBERNATOR, gubernator_message("bench"))
    return Contender(GUBER, port, asked, roles, lines=8, streams=32, needs_store=False)


PEERS: dict[str, Callable[[Place], Contender]] = {
    MINIMAL: minimal,
    FASTAPI: fastapi,
    NODE: node,
    RATELIMIT: ratelimit,
    GUBER: gubernator,
}
