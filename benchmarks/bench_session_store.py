"""What sessions cost the store: bytes for each, and the time to end all of a subject among a million."""

import secrets
from pathlib import Path

import uvloop

from benchmarks.bench_session_goals import PAYLOAD_BYTES, Stored
from benchmarks.servers import Server, free_ports
from sadd.sealing import Sealer, SealKey
from sadd.session.ids import Ids
from sadd.session.policy import SessionPolicy
from sadd.session.sessions import Sessions
from sadd.session.valkey import ValkeyStore
from sadd.valkey.client import ValkeyClient
from sadd.valkey.topology import open_client

AGENCY, SERVICE = "bench", "bench-open"
POLICY = SessionPolicy(1_800_000, 28_800_000)
FIRST = 1_000
"""Made before memory is looked at, so that tables have their first size."""

COPY = """
-- Copies of one key under as many names, as large and with as much life.
local value, life = redis.call('DUMP', KEYS[1]), redis.call('PTTL', KEYS[1])
for at = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  redis.call('RESTORE', KEYS[1] .. ':' .. at, math.max(life, 0), value)
end
"""
COPIED_AT_ONCE = 20_000


def stored(folder: Path, count: int) -> Stored:
    """By ``count`` sessions, each of a subject of its own."""
    with Server(folder, free_ports(1)[0]) as server:
        return uvloop.run(_stored(server, count))


async def _stored(server: Server, count: int) -> Stored:
    client = await open_client(server.url, deadline_ms=5_000, max_in_flight=20_000)
    try:
        sessions = _sessions(client)
        await _create(sessions, range(FIRST))
        before, keys = _used(server), _keys(server)
        await _create(sessions, range(FIRST, FIRST + count))
        grown = _used(server) - before
        return Stored(grown / count, _largest(server, keys), count)
    finally:
        await client.aclose()


def fill(server: Server, count: int) -> None:
    """As many sessions more in the store: copies of one, since a million sign-ins take minutes."""
    with server.client() as client:
        one = max(client.scan_iter(count=1_000, _type="string"), key=client.strlen)
        copy = client.register_script(COPY)
        for first in range(0, count, COPIED_AT_ONCE):
            copy(keys=[one], args=[first, min(first + COPIED_AT_ONCE, count) - 1])


def ended_ms(server: Server, subjects: int, each: int) -> list[float]:
    """Milliseconds of the store's time to end each of ``subjects``, of ``each`` sessions."""
    return uvloop.run(_ended_ms(server, subjects, each))


async def _ended_ms(server: Server, subjects: int, each: int) -> list[float]:
    client = await open_client(server.url, deadline_ms=5_000, max_in_flight=20_000)
    try:
        sessions, told = _sessions(client), list[float]()
        for subject in range(subjects):
            for _ in range(each):
                await sessions.create(AGENCY, SERVICE, f"ended-{subject}", POLICY, _payload())
            with server.client() as looking:
                looking.config_resetstat()
                await sessions.revoke_all(AGENCY, f"ended-{subject}")
                spent = looking.info("commandstats")
            told.append(_script_ms(spent))
        return told
    finally:
        await client.aclose()


def _script_ms(spent: "dict[str, dict[str, float]]") -> float:
    """Of all scripts and their calls since the statistics began; what we looked with is no script."""
    return sum(one["usec"] for name, one in spent.items() if name.startswith("cmdstat_evalsha")) / 1e3


def _sessions(client: ValkeyClient) -> Sessions:
    """On the store alone: what PostgreSQL adds is in the platform's own numbers."""
    return Sessions(ValkeyStore(client), Ids(b"p" * 32), Sealer([SealKey("0000000a", b"s" * 32)]))


async def _create(sessions: Sessions, numbers: range) -> None:
    for number in numbers:
        await sessions.create(AGENCY, SERVICE, f"{28_000_000_000 + number}", POLICY, _payload())


def _payload() -> dict[str, str]:
    """PAYLOAD_BYTES of JSON that nothing can make shorter."""
    return {"a": secrets.token_hex(PAYLOAD_BYTES)[: PAYLOAD_BYTES - len('{"a":""}')]}


def _used(server: Server) -> int:
    with server.client() as client:
        return int(client.info("memory")["used_memory"])


def _keys(server: Server) -> set[bytes]:
    with server.client() as client:
        return set(client.scan_iter(count=1_000))


def _largest(server: Server, known: set[bytes]) -> float:
    """Of the keys that one more session brought, the one that holds it."""
    with server.client() as client:
        fresh = [key for key in client.scan_iter(count=1_000) if key not in known][:100]
        return max(float(client.memory_usage(key) or 0) for key in fresh)
