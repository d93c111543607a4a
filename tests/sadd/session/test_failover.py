"""Sessions on a real cluster, and a fail-over to a replica that had missed what was acknowledged."""

from pathlib import Path

from benchmarks.servers import Server, cluster
from sadd.sealing import Sealer
from sadd.session.ids import Ids
from sadd.session.policy import SessionPolicy
from sadd.session.postgres import PostgresLedger
from sadd.session.sessions import Sessions, UnknownSession
from sadd.session.store import StoreUnavailable
from sadd.session.valkey import ValkeyStore
from sadd.valkey.topology import open_client
from tests.sadd.session.conftest import PEPPER, SEAL
from tests.waiting import eventually

HOT = SessionPolicy(600_000, 3_600_000)
DURABLE = SessionPolicy(600_000, 3_600_000, durable=True)
SUBJECTS = 16


async def test_a_lagging_replica_that_takes_over_brings_nobody_back(
    tmp_path: Path, ledger: PostgresLedger
) -> None:
    """The three replicas are away while people sign out and change what they have; then one primary dies and
    its replica serves what it held before. Who signed out stays out, durable changes are there, and who was
    not touched by it goes on, on all nodes."""
    with cluster(tmp_path) as nodes:
        client = await open_client(nodes.url, deadline_ms=5_000, max_in_flight=10_000)
        sessions = Sessions(ValkeyStore(client), Ids(PEPPER), Sealer([SEAL]), ledger)
        try:
            left = [await begin(sessions, f"left-{i}", HOT) for i in range(SUBJECTS)]
            out = [await begin(sessions, f"out-{i}", HOT) for i in range(SUBJECTS)]
            everywhere = [await begin(sessions, f"all-{i}", DURABLE) for i in range(SUBJECTS)]
            changed = [await begin(sessions, f"kept-{i}", DURABLE) for i in range(SUBJECTS)]
            victim, *others = nodes.primaries()
            replicas = [server for server in nodes.servers if server not in (victim, *others)]
            await eventually(lambda: all(in_step(server) for server in nodes.servers), 20)
            for server in replicas:
                server.kill()
            for i in range(SUBJECTS):
                await sessions.revoke("moi", out[i])
                await sessions.revoke_all("moi", f"all-{i}")
                await sessions.patch("moi", changed[i], 1, {"i": i})
            victim.kill()
            for server in replicas:
                server.start()

            for session_id in [*left, *changed]:
                assert await alive(sessions, session_id)
            for session_id in [*out, *everywhere]:
                assert not await alive(sessions, session_id)
            for i, session_id in enumerate(changed):
                assert (await sessions.get("moi", session_id)).payload == b'{"i":%d}' % i
            # Each subject at its beginning, and those of the victim's slots, a third or so, once more.
            assert sessions.stats().completed > 4 * SUBJECTS
            assert victim.port not in {server.port for server in nodes.primaries()}
        finally:
            await client.aclose()


async def begin(sessions: Sessions, subject: str, policy: SessionPolicy) -> str:
    return (await sessions.create("moi", "portal", subject, policy, {}))[0]


def in_step(server: Server) -> bool:
    with server.client() as client:
        told = client.info("replication")
    return bool(told["role"] == "master" or told["master_link_status"] == "up")


async def alive(sessions: Sessions, session_id: str) -> bool:
    async def look() -> str:
        try:
            await sessions.touch("moi", session_id)
        except UnknownSession:
            return "no"
        except StoreUnavailable:
            return ""
        return "yes"

    return await eventually(look, 40) == "yes"
