"""What callers notice while parts of a running platform die, stall and come back."""

import asyncio
import json
import logging
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp
import psutil
import pytest

from benchmarks.servers import Server, cluster, free_ports
from tests.e2e.crowd import Ask, Crowd, crowd
from tests.e2e.platform import SERVICE, Platform, environment, platform, sadd
from tests.e2e.slow import relay
from tests.waiting import eventually

log = logging.getLogger(__name__)  # what was seen: pytest --log-cli-level=info

OUTAGE_SECONDS = 5.0
AWAY = {"limits": 200, "cache": 404, "queue": 503, "session": 503}
BACK = {"limits": 200, "cache": 404, "queue": 200, "session": 201}


def check(running: Platform, key: str) -> Ask:
    """Asks the limiter; never refused, since each caller comes as somebody else."""
    headers, url, turns = (
        {"Authorization": f"Bearer {key}"},
        f"{running.url}/v1/limits/check",
        iter(range(10**9)),
    )

    def ask(session: aiohttp.ClientSession) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        body = {"policy": SERVICE, "key": f"citizen-{next(turns)}"}
        return session.post(url, json=body, headers=headers)

    return ask


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """With its own stores. Each test leaves it whole; the last of the module drains it."""
    with platform(tmp_path_factory.mktemp("running")) as started:
        yield started


@pytest.mark.timeout(120)
async def test_a_killed_worker_takes_only_its_own_connections(running: Platform) -> None:
    """kill -9 of a worker under load: the others serve on, it is back, no other connection fails."""
    key = running.key("limits:check")
    victim, survivor = running.workers()
    async with crowd(check(running, key)) as asking:
        await asking.further(500)
        assert _connections(victim), "the load must reach the worker that is killed"
        others = _connections(survivor)
        victim.kill()
        await eventually(lambda: len(_listening(running)) == 2)
        failed_by_then = asking.failures
        await asking.further(500)
    lost = {port for line in asking.lines for port in line.failed_ports}
    assert not lost & others, "a connection of the other worker failed"
    assert asking.failures == failed_by_then, "a request failed after the worker was back"
    assert set(asking.statuses) == {200}


def _connections(worker: psutil.Process) -> set[int]:
    """The callers' ports of a worker's established connections."""
    found = worker.net_connections("tcp")
    return {one.raddr.port for one in found if one.status == psutil.CONN_ESTABLISHED}


def _listening(running: Platform) -> set[int]:
    return {worker.pid for worker in running.workers() if _listens(worker)}


def _listens(worker: psutil.Process) -> bool:
    try:
        return any(one.status == psutil.CONN_LISTEN for one in worker.net_connections("tcp"))
    except psutil.Error:  # it has just died
        return False


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("valkey") / "valkey", free_ports(1)[0]).start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def beside(valkey: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose Valkey is a server of its own."""
    with platform(tmp_path_factory.mktemp("beside"), SADD_VALKEY_URL=valkey.url) as started:
        yield started


@pytest.mark.timeout(120)
async def test_valkey_away_for_five_seconds(beside: Platform, valkey: Server) -> None:
    """No worker dies, nobody gets a 500; /readyz names the store, goes 503 and returns by itself.

    The store comes back empty, its script cache too.
    """
    key = beside.key("limits:check", "sessions:write", "sessions:read", "cache:read")
    before = {worker.pid for worker in beside.workers()}
    async with crowd(check(beside, key)) as asking, aiohttp.ClientSession(beside.url) as session:
        await asking.further(500)
        valkey.kill()
        away_at = time.monotonic()
        await eventually(lambda: _readiness(session, "valkey", 503))
        assert await _each_service(session, key) == AWAY
        await asking.during(OUTAGE_SECONDS - (time.monotonic() - away_at))
        valkey.start()
        back_at = time.monotonic()
        await eventually(lambda: _readiness(session, "valkey", 200))
        await asking.further(500)
        back_seconds = time.monotonic() - back_at
        await eventually(lambda: _answer_again(session, key))
    assert {worker.pid for worker in beside.workers()} == before
    assert set(asking.statuses) == {200}
    assert asking.failures == 0
    log.info(f"{asking.statuses.total()} checks, 0 failed, ready {back_seconds:.2f} s after it")


async def _answer_again(session: aiohttp.ClientSession, key: str) -> bool:
    """Of two workers the one that was asked may see the store a moment later than the other."""
    return await _each_service(session, key) == BACK


@pytest.mark.timeout(120)
async def test_a_slow_valkey_holds_up_no_check(tmp_path: Path) -> None:
    """200 ms a call: checks are decided here, as their policy says, until the store is prompt again."""
    with (
        Server(tmp_path / "valkey", free_ports(1)[0]) as valkey,
        relay(valkey.port) as network,
        platform(tmp_path, SADD_VALKEY_URL=network.url) as running,
    ):
        headers = {"Authorization": f"Bearer {running.key('limits:check')}"}
        async with aiohttp.ClientSession(running.url, headers=headers) as session:
            assert await _decided_by(session, 50) == {None: 50}
            network.delay_seconds = 0.2
            await eventually(lambda: _all_decided(session, "local"))
            began = time.monotonic()
            decided = await _decided_by(session, 500)
            mean_seconds = (time.monotonic() - began) / 500
            # A worker that the machine itself held up does not blame the store, and waits for its answer.
            assert decided["local"] >= 400, decided
            assert mean_seconds < 0.2, "the checks waited for the store"
            network.delay_seconds = 0.0
            await eventually(lambda: _all_decided(session, None))
    log.info(f"slow store: {mean_seconds * 1000:.1f} ms a check")


async def _all_decided(session: aiohttp.ClientSession, by: str | None) -> bool:
    """By every worker: so many checks on new connections find each of them."""
    return await _decided_by(session, 50) == {by: 50}


async def _decided_by(session: aiohttp.ClientSession, count: int) -> Counter[str | None]:
    """What decided so many checks, each on a connection of its own: None is the store."""
    by = Counter[str | None]()
    for number in range(count):
        body = {"policy": SERVICE, "key": f"citizen-{number}"}
        async with session.post("/v1/limits/check", json=body, headers={"Connection": "close"}) as answer:
            assert answer.status == 200
            by[(await answer.json()).get("fallback")] += 1
    return by


@pytest.mark.timeout(120)
async def test_a_flushed_valkey_forgets_and_goes_on(beside: Platform, valkey: Server) -> None:
    """FLUSHALL and SCRIPT FLUSH under load: nobody notices but those whose limits begin anew."""
    async with crowd(check(beside, beside.key("limits:check"))) as asking:
        await asking.further(300)
        with valkey.client() as behind:
            behind.execute_command("FLUSHALL")
            behind.execute_command("SCRIPT", "FLUSH")
        await asking.further(300)
    assert set(asking.statuses) == {200}
    assert asking.failures == 0


@pytest.mark.timeout(120)
async def test_postgres_away(running: Platform) -> None:
    """PostgreSQL killed under load: checks go on without it, /readyz names it, it is started again."""
    key = running.key("limits:check")
    before = {worker.pid for worker in running.workers()}
    async with crowd(check(running, key), 4) as asking, aiohttp.ClientSession(running.url) as session:
        await asking.further(100)
        (postmaster,) = _children(running, "postgres")
        postmaster.kill()
        await eventually(lambda: _children(running, "postgres") not in ([], [postmaster]))
        await eventually(lambda: _readiness(session, "postgres", 200))
        await asking.further(100)
    assert set(asking.statuses) == {200}
    assert asking.failures == 0
    assert {worker.pid for worker in running.workers()} == before


def _children(running: Platform, program: str) -> list[psutil.Process]:
    return [child for child in psutil.Process(running.process.pid).children() if _name(child) == program]


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:  # it ended meanwhile
        return ""


async def _readiness(session: aiohttp.ClientSession, store: str, status: int) -> bool:
    async with session.get("/readyz") as answer:
        told = await answer.json()
        return answer.status == status and (told["stores"][store] == "ok") == (status == 200)


async def _each_service(session: aiohttp.ClientSession, key: str) -> dict[str, int]:
    """What each of the four answers to its simplest request."""
    headers = {"Authorization": f"Bearer {key}"}
    asked = {
        "limits": session.post("/v1/limits/check", json={"policy": SERVICE, "key": "c"}, headers=headers),
        "cache": session.get("/v1/cache/results/nothing", headers=headers),
        "queue": session.post(f"/v1/queues/{SERVICE}/tickets"),
        "session": session.post("/v1/sessions", json={"service": SERVICE, "subject": "c"}, headers=headers),
    }
    statuses = {}
    for name, request in asked.items():
        async with request as answer:
            statuses[name] = answer.status
    return statuses


@pytest.mark.timeout(180)
async def test_a_cluster_loses_a_primary(tmp_path: Path) -> None:
    """Three primaries and three replicas, one primary killed under load: no caller gets an error."""
    with cluster(tmp_path / "nodes") as nodes, platform(tmp_path, SADD_VALKEY_URL=nodes.url) as running:
        key = running.key("limits:check", "sessions:write")
        async with crowd(check(running, key)) as asking, aiohttp.ClientSession(running.url) as session:
            await asking.further(500)
            nodes.primaries()[0].kill()
            killed_at = time.monotonic()
            await eventually(lambda: _sessions_everywhere(session, key))
            whole_seconds = time.monotonic() - killed_at
            await asking.further(500)
    assert set(asking.statuses) == {200}
    assert asking.failures == 0
    log.info(f"{asking.statuses.total()} checks, 0 errors, whole after {whole_seconds:.1f} s")


async def _sessions_everywhere(session: aiohttp.ClientSession, key: str) -> bool:
    """Sessions of 64 subjects, so of all primaries, can be made."""
    headers = {"Authorization": f"Bearer {key}"}
    for number in range(64):
        body = {"service": SERVICE, "subject": f"s{number}"}
        async with session.post("/v1/sessions", json=body, headers=headers) as answer:
            if answer.status != 201:
                return False
    return True


@pytest.mark.timeout(120)
async def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    """A session and a place in the line outlive a restart of everything on one folder.

    The cache is cold after it: nobody knows whether the store lost the purges of its last moment.
    """
    with platform(tmp_path) as running:
        key = running.key("sessions:write", "sessions:read", "cache:read", "cache:write")
        headers = {"Authorization": f"Bearer {key}"}
        async with aiohttp.ClientSession(running.url, headers=headers) as session:
            async with session.post("/v1/sessions", json={"service": SERVICE, "subject": "c"}) as made:
                session_id = (await made.json())["session"]
            async with session.post(f"/v1/queues/{SERVICE}/tickets") as joined:
                place = await joined.json()
            kept = {"Cache-Control": "max-age=600", "Content-Type": "text/html"}
            async with session.put("/v1/cache/pages/one", data=b"kept", headers=kept) as put:
                assert put.status == 204
    with platform(tmp_path) as running:
        async with aiohttp.ClientSession(running.url, headers=headers) as session:
            async with session.get("/v1/sessions/current", headers={"Sadd-Session": session_id}) as found:
                assert (await found.json())["subject"] == "c"
            async with session.get(
                f"/v1/queues/{SERVICE}/ticket", headers={"Sadd-Ticket": place["ticket"]}
            ) as stood:
                assert (await stood.json())["number"] == place["number"]
            async with session.get("/v1/cache/pages/one") as page:
                assert (page.status, (await page.json())["type"].rpartition("/")[2]) == (404, "cache-miss")
            async with session.put("/v1/cache/pages/one", data=b"anew", headers=kept) as put:
                assert put.status == 204
            async with session.get("/v1/cache/pages/one") as page:
                assert await page.read() == b"anew"


@pytest.mark.timeout(120)
async def test_a_revoked_key_ends_in_every_worker(running: Platform) -> None:
    """Soon after the revocation no worker takes the key any more, and none does so again."""
    key = running.key("limits:check")
    async with crowd(check(running, key), 8) as asking:
        await asking.further(100)
        revoked = await asyncio.to_thread(running.sadd, "keys", "revoke", key.split("_")[1])
        assert revoked.returncode == 0
        await eventually(lambda: _all_refused(asking))
        accepted = asking.statuses[200]
        await asking.further(200)
        assert asking.statuses[200] == accepted


async def _all_refused(asking: Crowd) -> bool:
    """Of so many that all connections, so both workers, are among them."""
    accepted = asking.statuses[200]
    await asking.further(100)
    return asking.statuses[200] == accepted


@pytest.mark.timeout(60)
def test_a_store_that_stays_away(tmp_path: Path, database_url: str) -> None:
    """Start-up waits for its time, says what it waits for, and ends with 1 and one line."""
    port = free_ports(1)[0]
    waiting = sadd(
        "up",
        cwd=tmp_path,
        env=environment(
            SADD_VALKEY_URL=f"redis://:hunter2@127.0.0.1:{port}",
            SADD_DATABASE_URL=database_url,
            SADD_STARTUP_TIMEOUT_SECONDS="2",
        ),
    )
    assert waiting.returncode == 1
    assert waiting.stderr.splitlines()[-1].startswith("sadd: valkey at redis://")
    assert "hunter2" not in waiting.stderr
    logged = [json.loads(line) for line in waiting.stderr.splitlines()[:-1]]
    assert any(line.get("store") == "valkey" and "waiting" in line["event"] for line in logged)


@pytest.mark.timeout(60)
def test_two_on_one_folder(running: Platform) -> None:
    """A second platform on the same folder is refused in one line; the first does not notice."""
    second = running.sadd("up")
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert running.status("/readyz") == 200


@pytest.mark.timeout(120)
async def test_a_drain_fails_nobody(running: Platform) -> None:
    """SIGTERM under load: what is in flight is finished, the exit code is 0, nothing is left behind."""
    key = running.key("limits:check")
    everything = running.processes()
    async with crowd(check(running, key)) as asking:
        await asking.further(300)
        running.process.send_signal(signal.SIGTERM)
        await eventually(lambda: asking.failures >= len(asking.lines))  # all were turned away: it is over
    assert set(asking.statuses) == {200}
    assert running.process.wait(30) == 0
    assert not [one for one in everything if one.is_running()]
