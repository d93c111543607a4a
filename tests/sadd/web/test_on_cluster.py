"""The four services on a real cluster of three primaries and three replicas."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from benchmarks.servers import ClusterNodes
from ratelimit.policy import Policy
from ratelimit.valkey import ValkeyStore
from tests.ratelimit.model import Model
from tests.sadd.web.cache_scene import Scene, cache_scene
from tests.sadd.web.scene import MOEHE, RESULTS, four_services
from tests.sadd.web.served import Served
from tests.stores import connected


@pytest.fixture
async def server(nodes: ClusterNodes) -> AsyncIterator[Served]:
    async with four_services(nodes.url) as server:
        yield server


async def test_every_script_finds_its_keys_in_one_slot(server: Served) -> None:
    """A visit through all four services, many keys in every slot: no call is refused for crossing slots."""
    client = server.client
    checks = [{"policy": RESULTS, "key": f"k{i % 300}"} for i in range(900)]
    async with client.post("/v1/limits/check-batch", json={"checks": checks}, headers=MOEHE) as answer:
        assert all(result["allowed"] for result in (await answer.json())["results"])

    async def visit(number: int) -> None:
        subject = {"subject": f"citizen-{number}"}
        body = {"service": RESULTS, **subject}
        async with client.post("/v1/sessions", json=body, headers=MOEHE) as answer:
            shown = {**MOEHE, "Sadd-Session": (await answer.json())["session"]}
        async with client.post("/v1/sessions/current/rotate", headers=shown) as answer:
            assert answer.status == 200
            renewed = await answer.json()
            shown = {**MOEHE, "Sadd-Session": renewed["session"]}
        change = {"version": renewed["version"], "data": {"n": number}}
        async with client.patch("/v1/sessions/current", json=change, headers=shown) as answer:
            assert answer.status == 200
        async with client.post("/v1/sessions/revoke-all", json=subject, headers=MOEHE) as answer:
            assert answer.status == 204
        async with client.get("/v1/sessions/current", headers=shown) as answer:
            assert answer.status == 404
        path = f"/v1/cache/pages/{number}"
        async with client.put(path, data=b"x", headers=MOEHE) as answer:
            assert answer.status == 204
        async with client.get(path, headers=MOEHE) as answer:
            assert await answer.read() == b"x"

    await asyncio.gather(*(visit(number) for number in range(30)))
    for room in (RESULTS, "moph-appointment"):
        async with client.post(f"/v1/queues/{room}/tickets") as answer:
            ticket = {"Sadd-Ticket": (await answer.json())["ticket"]}
        for method, call in (("POST", "claim"), ("GET", "ticket"), ("POST", "leave")):
            async with client.request(method, f"/v1/queues/{room}/{call}", headers=ticket) as answer:
                assert answer.status == 200


async def test_a_policy_spreads_over_the_nodes(nodes: ClusterNodes) -> None:
    """With 16 shards a batch with repeated keys, decided on all three primaries, is the model's."""
    policy = Policy("spread", 1, 60, 2)
    keys = [f"k{i % 90}" for i in range(400)]
    start_us = 1_795_507_745_000_000
    async with connected(nodes.url) as client:
        taken = await ValkeyStore(client, shards=16).take(policy, keys, [1] * 400, start_us)
    assert taken == Model(policy).take_all(keys, [1] * 400, start_us)


async def test_the_cache_is_whole_on_a_cluster(nodes: ClusterNodes) -> None:
    """Batches, leases, purges and what an agency keeps, with namespaces on every node."""
    names = [f"ns{number}" for number in range(6)]

    async def visit(scene: Scene, name: str) -> None:
        client, path = scene.server.client, f"/v1/cache/{name}"
        puts = [{"op": "put", "key": f"k{number}", "body": "eA==", "tags": ["t"]} for number in range(20)]
        wanted = {"operations": [*puts, {"op": "get", "key": "k1"}, {"op": "delete", "key": "k2"}]}
        async with client.post(f"{path}/batch", json=wanted, headers=MOEHE) as answer:
            assert {one["status"] for one in (await answer.json())["results"]} == {200, 204}
        async with client.post(f"{path}/page/lease", headers=MOEHE) as answer:
            token = (await answer.json())["token"]
        async with client.put(f"{path}/page", data=b"y", headers={**MOEHE, "Sadd-Lease": token}) as answer:
            assert answer.status == 204
        async with client.post(f"{path}/purge", json={"tags": ["t"]}, headers=MOEHE) as answer:
            assert answer.status == 200
        for key, status in (("k1", 404), ("page", 200)):
            async with client.get(f"{path}/{key}", headers=MOEHE) as answer:
                assert answer.status == status

    async with cache_scene(nodes.url, namespaces_max=20) as scene:
        await asyncio.gather(*(visit(scene, name) for name in names))
        async with scene.server.client.get("/v1/cache", headers=MOEHE) as answer:
            kept = {one["namespace"] for one in (await answer.json())["namespaces"]}
        assert kept >= set(names)
