"""The platform as it is measured: ``sadd up`` with one worker, one agency, one service, one limit.

The store is the one that all contenders share; PostgreSQL is embedded and has nothing to do meanwhile.
"""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bench_ratelimit_goals import AIOHTTP, BATCH, BATCH_OF, GRPC, GRPC_BARE, LANE, LANE_BARE
from benchmarks.drivers.asked import SLOT, Grpc, Http, post
from benchmarks.peers.contender import RLS, RLS_OK, Contender, Counts, rls_message
from benchmarks.peers.others import RATELIMIT_CONFIG, Place
from benchmarks.peers.process import Running, descendants, started
from benchmarks.servers import free_ports

AGENCY, SERVICE, LEASED = "bench", "bench-open", "bench-leased"
CROWDED = "bench-crowded"
"""A service with a waiting room that lets few in, so that whoever joins waits."""
SHUT = "rule.shut"
"""A policy that lets nothing pass, so that its checks are answered without a store."""

BY_ITSELF = re.compile(r"^sadd_limits_(?:fallback_\w+|known_hits)_total (\d+)", re.MULTILINE)
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
  - {id: bench-widest, limit: 10000000, period_seconds: 10, burst: 10000000, on_store_loss: closed}
queues:
  - {id: bench-slow, outflow_share: 0.02, active_share: 0.9, claim_window_seconds: 120, pass_seconds: 300}
caches: []
sessions:
  - {id: bench-citizen, idle_seconds: 1800, absolute_seconds: 28800}
""",
    "apps.yaml": "[]\n",
    "services/bench.yaml": "\n".join(
        f"""
- id: {service}
  name: {{ar: {arabic}, en: Service {service}}}
  category: security
  audience: [citizens]
  channels: [web]
  status: live
  since: "2018-05-23"
  origin: https://{service}.gov.example
  capacity: {{requests_per_second: 55, concurrent_users: 550}}
  yearly_volume: 164000
  peak: {{event: a run, factor: 2.2}}
  protection: {{limits: {protection}}}
"""
        for service, arabic, protection in (
            (SERVICE, "خدمة القياس", "bench-wide, session: bench-citizen"),
            (LEASED, "خدمة الحصص", "bench-widest"),
            (CROWDED, "خدمة الانتظار", "bench-wide, queue: bench-slow"),
        )
    ),
}
RULES = "- {id: shut, agency: bench, route: /shut, limit: {limit: 0, period_seconds: 60}}\n"


@dataclass(frozen=True, slots=True)
class Platform:
    """A running one. ``roles`` are its processes: the worker, and what stands around it."""

    folder: Path
    env: Mapping[str, str]
    port: int
    grpc_port: int
    key: str
    database_url: str
    roles: Mapping[str, tuple[int, ...]]

    def counts(self) -> Counts:
        """What it decided without the store: when that was slow, or of keys that it knew to be over."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            return Counts(sum(map(int, BY_ITSELF.findall(answer.read().decode()))))


def open_fast(place: Place, store_url: str) -> Platform:
    """The one with both lanes, and with its rules applied."""
    fast = open_platform(place.stack, place.folder / "fast", store_url, {})
    command(fast, "limits", "apply", str(fast.folder / "rules.yaml"))
    return fast


def ours(place: Place, store_url: str, fast: Platform, wants: Callable[[str], bool]) -> Iterator[Contender]:
    """Our ways in: of the fast platform, and of one whose requests all take the long way."""
    if wants(LANE):
        yield Contender(LANE, fast.port, check(fast.key, SERVICE), fast.roles, counts=fast.counts)
    if wants(LANE_BARE):
        yield Contender(
            LANE_BARE, fast.port, check(fast.key, SHUT, allowed=False), fast.roles, needs_store=False
        )
    if wants(BATCH):
        yield Contender(BATCH, fast.port, check_batch(fast.key), fast.roles, counts=fast.counts, lines=16)
    if wants(GRPC):
        yield _grpc(GRPC, fast, "citizen")
    if wants(GRPC_BARE):  # no rule of the configuration has this key
        yield replace(_grpc(GRPC_BARE, fast, "nobody"), needs_store=False)
    if wants(AIOHTTP):
        settings = {"SERVER_FAST_LANE": "false", "DATABASE_URL": fast.database_url}
        slow = open_platform(place.stack, place.folder / "slow", store_url, settings)
        yield Contender(AIOHTTP, slow.port, check(slow.key, SERVICE), slow.roles, counts=slow.counts)


def _grpc(name: str, platform: Platform, key: str) -> Contender:
    asked = Grpc(RLS, rls_message("bench", key), RLS_OK)
    return Contender(name, platform.grpc_port, asked, platform.roles, 8, 32, platform.counts)


def check(key: str, policy: str, *, allowed: bool = True) -> Http:
    asked = post("/v1/limits/check", _question(policy), key)
    return asked if allowed else replace(asked, good=b'"allowed":false')


def check_batch(key: str) -> Http:
    body = b'{"checks":[' + b",".join([_question(SERVICE)] * BATCH_OF) + b"]}"
    return post("/v1/limits/check-batch", body, key, BATCH_OF)


def _question(policy: str) -> bytes:
    return b'{"policy":"' + policy.encode() + b'","key":"' + SLOT + b'","cost":1}'


def open_platform(stack: ExitStack, folder: Path, store_url: str, settings: Mapping[str, str]) -> Platform:
    """Ended with ``stack``. ``settings`` are more of them, as environment names without ``SADD_``."""
    return started(lambda attempt: _open(stack, folder / str(attempt), store_url, settings))


def _open(stack: ExitStack, folder: Path, store_url: str, settings: Mapping[str, str]) -> Platform:
    _write(folder)
    port, grpc_port = free_ports(2)
    env = {
        "SADD_DATA_DIR": str(folder / "data"),
        "SADD_CATALOGUE_PATH": str(folder / "catalogue"),
        "SADD_ENVOY_CONFIG_PATH": str(folder / "envoy.yaml"),
        "SADD_VALKEY_URL": store_url,
        "SADD_SERVER_PORT": str(port),
        "SADD_GRPC_PORT": str(grpc_port),
        "SADD_SERVER_WORKERS": "1",
        "SADD_LOG_LEVEL": "warning",
    } | {f"SADD_{name}": value for name, value in settings.items()}
    running = stack.enter_context(Running((str(SADD), "up"), port, folder / "log", env, folder))
    url = json.loads((folder / "data/run/stores.json").read_text())["database_url"]
    unkeyed = Platform(folder, env, port, grpc_port, "", url, _roles(running.pid))
    words = f"keys create --agency {AGENCY} --scope limits:check --json".split()
    return replace(unkeyed, key=json.loads(command(unkeyed, *words))["key"])


def command(platform: Platform, *words: str) -> str:
    """Another command beside it. What it printed; CalledProcessError when it failed."""
    named = ("/usr/bin/env", *(f"{name}={value}" for name, value in platform.env.items()))
    words = (*named, str(SADD), *words)
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, cwd=platform.folder).stdout


def _roles(pid: int) -> dict[str, tuple[int, ...]]:
    below = descendants(pid)
    workers = tuple(child for child, words in below.items() if "sadd.app.worker" in words)
    others = (pid, *(child for child in below if child not in workers))
    return {"server": workers, "around it": others}


def _write(folder: Path) -> None:
    for name, text in CATALOGUE.items():
        file = folder / "catalogue" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "rules.yaml").write_text(RULES)
    (folder / "envoy.yaml").write_text(RATELIMIT_CONFIG)
