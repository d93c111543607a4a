"""The platform as it is measured: ``sadd up`` with one worker, one agency, one service, one limit.

The store is the one that all contenders share; PostgreSQL is embedded and has nothing to do meanwhile.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench_ratelimit_goals import AIOHTTP, BATCH, BATCH_OF, LANE
from benchmarks.drivers.asked import SLOT, Http, post
from benchmarks.peers.contender import Contender
from benchmarks.peers.others import Place
from benchmarks.peers.process import Running, descendants
from benchmarks.servers import free_ports

AGENCY, SERVICE = "bench", "bench-open"
SADD = Path(sys.executable).with_name("sadd")

CATALOGUE = {
    "agencies.yaml": """
- id: bench
  name: {ar: قياس, en: Bench}
  kind: authority
  contact: {email: bench@bench.gov.example, phone: "+974 4000 9999"}
""",
    # Wide enough that every decision of a run writes: 10,000 a second, and as many at once.
    "classes.yaml": """
limits:
  - {id: bench-wide, limit: 600000, period_seconds: 60, burst: 10000, on_store_loss: closed}
queues: []
caches: []
sessions: []
""",
    "apps.yaml": "[]\n",
    "services/bench.yaml": """
- id: bench-open
  name: {ar: خدمة القياس, en: Service of the bench}
  category: security
  audience: [citizens]
  channels: [web]
  status: live
  since: "2018-05-23"
  origin: https://bench.gov.example
  capacity: {requests_per_second: 55, concurrent_users: 550}
  yearly_volume: 164000
  peak: {event: a run, factor: 2.2}
  protection: {limits: bench-wide}
""",
}


@dataclass(frozen=True, slots=True)
class Platform:
    """A running one. ``roles`` are its processes: the worker, and what stands around it."""

    running: Running
    port: int
    key: str
    database_url: str
    roles: Mapping[str, tuple[int, ...]]


def ours(place: Place, store_url: str, wants: Callable[[str], bool]) -> Iterator[Contender]:
    """Two platforms on the same stores: one with the lanes, one whose requests all take the long way."""
    fast = open_platform(place.stack, place.folder / "fast", store_url, {})
    if wants(LANE):
        yield Contender(LANE, fast.port, check(fast.key), fast.roles)
    if wants(BATCH):
        yield Contender(BATCH, fast.port, check_batch(fast.key), fast.roles, lines=16)
    if wants(AIOHTTP):
        settings = {"SERVER_FAST_LANE": "false", "DATABASE_URL": fast.database_url}
        slow = open_platform(place.stack, place.folder / "slow", store_url, settings)
        yield Contender(AIOHTTP, slow.port, check(slow.key), slow.roles)


def check(key: str) -> Http:
    return post("/v1/limits/check", _question(), key)


def check_batch(key: str) -> Http:
    body = b'{"checks":[' + b",".join([_question()] * BATCH_OF) + b"]}"
    return post("/v1/limits/check-batch", body, key, BATCH_OF)


def _question() -> bytes:
    return b'{"policy":"' + SERVICE.encode() + b'","key":"' + SLOT + b'","cost":1}'


def open_platform(stack: ExitStack, folder: Path, store_url: str, settings: Mapping[str, str]) -> Platform:
    """Ended with ``stack``. ``settings`` are more of them, as environment names without ``SADD_``."""
    folder.mkdir(parents=True)
    _write_catalogue(folder / "catalogue")
    port = free_ports(1)[0]
    env = {
        "SADD_DATA_DIR": str(folder / "data"),
        "SADD_CATALOGUE_PATH": str(folder / "catalogue"),
        "SADD_VALKEY_URL": store_url,
        "SADD_SERVER_PORT": str(port),
        "SADD_SERVER_WORKERS": "1",
        "SADD_LOG_LEVEL": "warning",
    } | {f"SADD_{name}": value for name, value in settings.items()}
    running = stack.enter_context(Running((str(SADD), "up"), port, folder / "log", env, folder))
    told = json.loads((folder / "data/run/stores.json").read_text())
    return Platform(running, port, _key(env, folder), told["database_url"], _roles(running.pid))


def _key(env: Mapping[str, str], folder: Path) -> str:
    named = ("/usr/bin/env", *(f"{name}={value}" for name, value in env.items()))
    words = f"keys create --agency {AGENCY} --scope limits:check --json".split()
    made = subprocess.run([*named, str(SADD), *words], check=True, capture_output=True, text=True, cwd=folder)
    return str(json.loads(made.stdout)["key"])


def _roles(pid: int) -> dict[str, tuple[int, ...]]:
    below = descendants(pid)
    workers = tuple(child for child, words in below.items() if "sadd.app.worker" in words)
    others = (pid, *(child for child in below if child not in workers))
    return {"server": workers, "around it": others}


def _write_catalogue(folder: Path) -> None:
    for name, text in CATALOGUE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
