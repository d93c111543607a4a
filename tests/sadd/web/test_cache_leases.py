"""Get or lease over HTTP: one caller loads, the others wait, take stale, or come again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sadd.web.cache_scene import SMALL, Scene, cache_scene
from tests.sadd.web.callers import MOEHE, MOPH, READER
from tests.waiting import eventually

KEY = "/v1/cache/pages/hot"


@pytest.fixture
async def scene(valkey_url: str) -> AsyncIterator[Scene]:
    async with cache_scene(valkey_url) as scene:
        yield scene


async def lease(scene: Scene, path: str = KEY, **asked: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, JSON (or the body under ``body``), fields."""
    headers = {**MOEHE, **asked.pop("headers", {})}
    async with scene.server.client.post(f"{path}/lease", json=asked, headers=headers) as answer:
        if answer.content_type.endswith("json"):
            return answer.status, await answer.json(), dict(answer.headers)
        return answer.status, {"body": await answer.read()}, dict(answer.headers)


async def put(scene: Scene, token: str | None, path: str = KEY, said: str = "max-age=60") -> int:
    headers = {**MOEHE, "Cache-Control": said, **({} if token is None else {"Sadd-Lease": token})}
    async with scene.server.client.put(path, data=b"loaded", headers=headers) as answer:
        return answer.status


async def release(scene: Scene, token: str | None, query: str = "") -> int:
    headers = {**MOEHE, **({} if token is None else {"Sadd-Lease": token})}
    async with scene.server.client.delete(f"{KEY}/lease{query}", headers=headers) as answer:
        return answer.status


async def test_a_crowd_that_misses_loads_once(scene: Scene) -> None:
    """Of fifty at once one gets the lease; all others get what it put."""
    crowd = [asyncio.create_task(lease(scene, wait_ms=20_000)) for _ in range(50)]

    (first,) = await eventually(lambda: [one for one in crowd if one.done()])
    status, told, _ = first.result()
    assert status == 201
    assert told["ends_in_ms"] > 0
    assert await put(scene, told["token"]) == 204
    others = [await one for one in crowd if one is not first]
    assert [(status, told["body"]) for status, told, _ in others] == [(200, b"loaded")] * 49


async def test_who_does_not_wait_is_told_to_come_again(scene: Scene) -> None:
    """503 being-loaded, with how long, and that a load was collapsed."""
    assert (await lease(scene))[0] == 201
    status, told, fields = await lease(scene)
    assert (status, told["type"].rpartition("/")[2]) == (503, "being-loaded")
    assert 0 < told["retry_after_ms"] <= 60_000
    assert int(fields["Retry-After"]) >= 1
    assert fields["Cache-Status"] == "sadd; fwd=miss; collapsed"


async def test_what_was_purged_meanwhile_is_not_kept(scene: Scene) -> None:
    """A load that began before a delete puts nothing: 409 lease-lost."""
    _, told, _ = await lease(scene)
    async with scene.server.client.delete(KEY, headers=MOEHE) as answer:
        assert answer.status == 204
    assert await put(scene, told["token"]) == 409
    async with scene.server.client.get(KEY, headers=MOEHE) as answer:
        assert answer.status == 404


async def test_a_put_without_a_lease_makes_a_load_void(scene: Scene) -> None:
    """The later truth stays."""
    _, told, _ = await lease(scene)
    assert await put(scene, None) == 204
    assert await put(scene, told["token"]) == 409


async def test_a_lease_given_back_is_there_for_the_next(scene: Scene) -> None:
    """At once; and giving it back twice harms nobody."""
    _, told, _ = await lease(scene)
    assert [await release(scene, told["token"]) for _ in range(2)] == [204, 204]
    assert (await lease(scene))[0] == 201


async def test_what_cannot_be_shared_lets_everybody_through(scene: Scene) -> None:
    """For a while each caller gets a lease that nobody waits for."""
    _, told, _ = await lease(scene)
    assert await release(scene, told["token"], "?uncacheable_for_ms=60000") == 204
    answers = [await lease(scene) for _ in range(3)]
    assert [(status, told["shared"]) for status, told, _ in answers] == [(201, False)] * 3


async def test_a_lease_is_made_longer_by_who_still_loads(scene: Scene) -> None:
    """With its token; a foreign or lost one is 409."""
    _, told, _ = await lease(scene, lease_ms=1_000)
    status, longer, _ = await lease(scene, lease_ms=50_000, headers={"Sadd-Lease": told["token"]})
    assert (status, longer["token"], longer["ends_in_ms"]) == (200, told["token"], 50_000)
    _, busy, _ = await lease(scene)
    assert busy["retry_after_ms"] > 1_000
    assert (await lease(scene, headers={"Sadd-Lease": "7"}))[0] == 409


async def test_a_stale_entry_serves_while_one_renews(scene: Scene) -> None:
    """After a soft purge: one gets it with the lease, others without, and who wants no stale one waits."""
    assert await put(scene, None, said="max-age=60, stale-while-revalidate=600") == 204
    purge = {"everything": True, "soft": True}
    async with scene.server.client.post("/v1/cache/pages/purge", json=purge, headers=MOEHE) as answer:
        assert answer.status == 200
    status, told, fields = await lease(scene)
    assert (status, told["body"]) == (200, b"loaded")
    token, _, ends = fields["Sadd-Lease"].partition("; ends-in-ms=")
    assert token.isdigit()
    assert 0 < int(ends) <= 60_000
    status, told, fields = await lease(scene)
    assert (status, told["body"]) == (200, b"loaded")
    assert "Sadd-Lease" not in fields
    assert int(fields["Cache-Status"].rpartition("ttl=")[2]) <= 0
    assert (await lease(scene, stale=False))[0] == 503
    assert await put(scene, token) == 204


async def test_a_spare_entry_comes_with_the_lease_if_asked_for(scene: Scene) -> None:
    """To be served should the origin fail (stale-if-error)."""
    path = f"/v1/cache/{SMALL}/k"
    assert await put(scene, None, path, "max-age=60, stale-if-error=600") == 204
    purge = {"everything": True, "soft": True}
    async with scene.server.client.post(f"/v1/cache/{SMALL}/purge", json=purge, headers=MOEHE) as answer:
        assert answer.status == 200
    status, told, _ = await lease(scene, path, spare=True)
    assert (status, told["spare"]["body"]) == (201, "bG9hZGVk")
    assert told["spare"]["for_ms"] > 0


@pytest.mark.parametrize(
    "asked", [{"wait_ms": 30_001}, {"wait_ms": -1}, {"lease_ms": 99}, {"lease_ms": 60_001}, {"x": 1}]
)
async def test_a_bound_is_a_bound(scene: Scene, asked: dict[str, Any]) -> None:
    """422, and no lease is taken."""
    assert (await lease(scene, **asked))[0] == 422
    assert (await lease(scene))[0] == 201


async def test_a_lease_is_the_agencys(scene: Scene) -> None:
    """Another agency's lease of the same name is another; a reader gets none."""
    assert (await lease(scene))[0] == 201
    assert (await lease(scene, headers=MOPH))[0] == 201
    assert (await lease(scene, headers=READER))[0] == 403


async def test_giving_back_wants_the_token(scene: Scene) -> None:
    """422 without."""
    assert await release(scene, None) == 422
