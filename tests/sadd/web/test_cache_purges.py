"""Purges over HTTP, what an agency keeps, and why a key is a miss."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sadd.postgres.pool import open_pool
from tests.sadd.web.cache_scene import SMALL, Scene, cache_scene
from tests.sadd.web.callers import MOEHE, MOPH, READER


@pytest.fixture
async def scene(valkey_url: str) -> AsyncIterator[Scene]:
    async with cache_scene(valkey_url) as scene:
        yield scene


async def put(scene: Scene, key: str, tags: str = "", namespace: str = "pages", body: bytes = b"x") -> int:
    headers = {**MOEHE, "Surrogate-Key": tags, "Cache-Control": "max-age=60, stale-while-revalidate=60"}
    async with scene.server.client.put(f"/v1/cache/{namespace}/{key}", data=body, headers=headers) as answer:
        return answer.status


async def there(scene: Scene, *keys: str) -> list[str]:
    """The keys that are found."""
    found = []
    for key in keys:
        async with scene.server.client.get(f"/v1/cache/pages/{key}", headers=MOEHE) as answer:
            found += [key] if answer.status == 200 else []
    return found


async def purge(
    scene: Scene, asked: dict[str, Any], namespace: str = "pages", key: dict[str, str] = MOEHE
) -> tuple[int, Any]:
    path = f"/v1/cache/{namespace}/purge"
    async with scene.server.client.post(path, json=asked, headers=key) as answer:
        return answer.status, await answer.json()


async def three(scene: Scene) -> None:
    await put(scene, "a", "one both")
    await put(scene, "b", "both")
    await put(scene, "c")


@pytest.mark.parametrize(
    ("asked", "left", "purged"),
    [
        ({"keys": ["a", "x"]}, ["b", "c"], 1),
        ({"tags": ["both"]}, ["c"], 0),
        ({"tags": ["one"], "keys": ["c"]}, ["b"], 1),
        ({"everything": True}, [], 0),
    ],
)
async def test_what_is_named_ends(scene: Scene, asked: dict[str, Any], left: list[str], purged: int) -> None:
    """By key, tag, both, or all of it; what was found by key is counted."""
    await three(scene)
    assert await purge(scene, asked) == (200, {"purged": purged})
    assert await there(scene, "a", "b", "c") == left


async def test_a_soft_purge_leaves_it_to_be_served_stale(scene: Scene) -> None:
    """Still there, and no longer fresh."""
    await put(scene, "a", "t")
    assert (await purge(scene, {"tags": ["t"], "soft": True}))[0] == 200
    async with scene.server.client.get("/v1/cache/pages/a", headers=MOEHE) as answer:
        assert answer.status == 200
        assert int(answer.headers["Cache-Status"].rpartition("ttl=")[2]) <= 0


async def test_a_purge_is_the_agencys(scene: Scene) -> None:
    """Another agency purges its own; a reader purges nothing."""
    await put(scene, "a")
    assert (await purge(scene, {"everything": True}, key=MOPH))[0] == 200
    assert (await purge(scene, {"everything": True}, key=READER))[0] == 403
    assert await there(scene, "a") == ["a"]


async def test_the_proxys_entries_are_purged_by_their_agency(scene: Scene) -> None:
    """Though nobody reads or writes them here."""
    assert (await purge(scene, {"tags": ["t"]}, f"shield-{SMALL}"))[0] == 200


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"keys": []},
        {"soft": True},
        {"tags": [""]},
        {"tags": ["t" * 256]},
        {"tags": ["t"] * 1_001},
        {"x": 1},
    ],
)
async def test_a_purge_of_nothing_or_too_much_is_refused(scene: Scene, asked: dict[str, Any]) -> None:
    """422: a purge that was meant and did nothing is worse than one refused."""
    assert (await purge(scene, asked))[0] == 422


async def test_a_slip_in_the_name_of_a_service_is_told(scene: Scene) -> None:
    """404 ``unknown-service`` for the proxy's namespace of no service, and of another agency's alike."""
    for namespace in (f"shield-{SMALL}x", "shield-moph-b"):
        status, told = await purge(scene, {"everything": True}, namespace)
        assert (status, told["type"].rpartition("/")[2]) == (404, "unknown-service")
    assert (await purge(scene, {"everything": True}, f"shield-{SMALL}"))[0] == 200


async def test_an_operators_purge_is_in_the_audit(valkey_url: str, migrated_database_url: str) -> None:
    """The authority ends what another agency keeps, and sees it; nobody else does. Its own leaves none."""
    async with (
        await open_pool(migrated_database_url, pool_max=1, deadline_seconds=30.0) as pool,
        cache_scene(valkey_url, pool=pool, authority="moph") as scene,
    ):
        await put(scene, "a", "t")
        asked = {"tags": ["t"], "agency": "moehe", "note": "a slip"}
        assert (await purge(scene, {"keys": ["a"], "agency": "moph"}))[0] == 403
        assert await there(scene, "a") == ["a"]
        assert await purge(scene, asked, key=MOPH) == (200, {"purged": 0})
        assert await there(scene, "a") == []
        assert (await purge(scene, {"keys": ["a"], "agency": "moehe"}))[0] == 200
        rows = await pool.fetch("SELECT actor, subject, after FROM audit WHERE action = 'cache.purge'")
        assert [(row["actor"], row["subject"], json.loads(row["after"])) for row in rows] == [
            ("moph", "cache/moehe:pages", {"tags": ["t"], "note": "a slip"})
        ]
        for key, status in ((MOPH, 200), (READER, 200)):
            async with scene.server.client.get("/v1/cache?agency=moehe", headers=key) as answer:
                assert answer.status == status
        async with scene.server.client.get("/v1/cache?agency=moph", headers=READER) as answer:
            assert answer.status == 403


async def test_without_the_audit_an_operator_purges_nothing(
    valkey_url: str, migrated_database_url: str
) -> None:
    """503, and it is still there."""
    pool = await open_pool(migrated_database_url, pool_max=1, deadline_seconds=30.0)
    pool.terminate()
    async with cache_scene(valkey_url, pool=pool, authority="moph") as scene:
        await put(scene, "a")
        asked = {"everything": True, "agency": "moehe"}
        assert (await purge(scene, asked, key=MOPH))[0] == 503
        assert await there(scene, "a") == ["a"]


async def test_a_full_namespace_says_what_is_full(scene: Scene) -> None:
    """507 with the bound; after a delete there is room again."""
    for number in range(10):
        assert await put(scene, f"k{number}", namespace=SMALL) == 204
    async with scene.server.client.put(f"/v1/cache/{SMALL}/more", data=b"x", headers=MOEHE) as answer:
        told = await answer.json()
        assert (answer.status, told["type"].rpartition("/")[2]) == (507, "cache-full")
        assert (told["of"], told["used"], told["bound"]) == ("the namespace's entries", 10, 10)
    async with scene.server.client.delete(f"/v1/cache/{SMALL}/k0", headers=MOEHE) as answer:
        assert answer.status == 204
    assert await put(scene, "more", namespace=SMALL) == 204


async def test_an_entry_of_a_namespace_is_bounded(scene: Scene) -> None:
    """413 with the class's own bound."""
    assert await put(scene, "k", namespace=SMALL, body=b"x" * 1_000) == 204
    async with scene.server.client.put(f"/v1/cache/{SMALL}/k", data=b"x" * 1_001, headers=MOEHE) as answer:
        assert (answer.status, (await answer.json())["limit_bytes"]) == (413, 1_000)


async def test_an_agency_sees_what_it_keeps(scene: Scene) -> None:
    """Its namespaces with their bounds, those of the proxy too, and its own bound over all."""
    await put(scene, "a")
    await put(scene, "k", namespace=SMALL)
    async with scene.server.client.get("/v1/cache", headers=READER) as answer:
        told = await answer.json()
    by_name = {one["namespace"]: one for one in told["namespaces"]}
    assert set(by_name) == {"pages", SMALL, f"shield-{SMALL}"}
    assert told["bytes_used"] == by_name["pages"]["bytes_used"] + by_name[SMALL]["bytes_used"] > 0
    assert told["bytes_max"] == 1 << 30
    small = by_name[SMALL]
    assert (small["class_id"], small["entries"], small["entries_max"]) == ("tight", 1, 10)
    assert (small["fresh_ms"], small["stale_ms"], small["stale_error_ms"]) == (60_000, 30_000, 600_000)
    async with scene.server.client.get(f"/v1/cache/{SMALL}", headers=READER) as answer:
        assert await answer.json() == small


async def test_a_key_is_explained(scene: Scene) -> None:
    """Fresh, gone, purged by its tag, under way."""

    async def verdict(key: str) -> dict[str, Any]:
        async with scene.server.client.post(f"/v1/cache/pages/{key}/explain", headers=READER) as answer:
            assert answer.status == 200
            told: dict[str, Any] = await answer.json()
            return told

    await put(scene, "a", "t")
    told = await verdict("a")
    assert (told["verdict"], told["tags"]) == ("fresh", ["t"])
    assert 0 < told["fresh_for_ms"] <= 60_000
    await purge(scene, {"tags": ["t"]})
    assert (await verdict("a"))["verdict"] == "tag-purged"
    assert (await verdict("b"))["verdict"] == "none"
    async with scene.server.client.post("/v1/cache/pages/b/lease", headers=MOEHE) as answer:
        assert answer.status == 201
    assert (await verdict("b"))["lease_ends_in_ms"] > 0
