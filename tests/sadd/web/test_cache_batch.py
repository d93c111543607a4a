"""Gets, puts and deletes of one namespace in one call."""

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sadd.web import cache_batch
from tests.sadd.web.cache_scene import SMALL, Scene, cache_scene
from tests.sadd.web.callers import MOEHE, READER


@pytest.fixture
async def scene(valkey_url: str) -> AsyncIterator[Scene]:
    async with cache_scene(valkey_url) as scene:
        yield scene


async def batch(
    scene: Scene, *operations: dict[str, Any], namespace: str = "pages", key: dict[str, str] = MOEHE
) -> tuple[int, list[dict[str, Any]]]:
    path = f"/v1/cache/{namespace}/batch"
    async with scene.server.client.post(path, json={"operations": operations}, headers=key) as answer:
        return answer.status, (await answer.json()).get("results", [])


def put(key: str, body: bytes = b"x", **more: Any) -> dict[str, Any]:
    return {"op": "put", "key": key, "body": b64encode(body).decode(), **more}


def get(key: str) -> dict[str, Any]:
    return {"op": "get", "key": key}


async def test_they_are_done_in_order(scene: Scene) -> None:
    """A get behind a put finds it, behind a delete not."""
    wanted = [get("a"), put("a", b"<p>", content_type="text/html", tags=["t"]), get("a")]
    status, results = await batch(scene, *wanted, {"op": "delete", "key": "a"}, get("a"))
    assert status == 200
    assert [one["status"] for one in results] == [404, 204, 200, 204, 404]
    found = results[2]
    assert (found["body"], found["content_type"], found["tags"]) == ("PHA+", "text/html", ["t"])
    assert found["etag"] == results[1]["etag"]
    assert 0 < found["fresh_for_ms"] <= 300_000


async def test_a_thousand_go_and_one_more_does_not(scene: Scene) -> None:
    """And what is got is in the order that was asked."""
    keys = [f"k{number}" for number in range(1_000)]
    status, results = await batch(scene, *(put(key, key.encode()) for key in keys))
    assert {one["status"] for one in results} == {204}
    status, results = await batch(scene, *(get(key) for key in reversed(keys)))
    assert [one["body"] for one in results] == [b64encode(key.encode()).decode() for key in reversed(keys)]
    status, _ = await batch(scene, *(get(key) for key in [*keys, "k1000"]))
    assert status == 422


WRONG: tuple[dict[str, Any], ...] = (
    get("a b"),
    get("events"),
    {"op": "put", "key": "a", "body": "?"},
    put("a", cache_control="no-store"),
    put("a", cache_control="max-age=x"),
    put("a", tags=["ö"]),
    put("a", content_type="a\nb"),
    {"op": "purge", "key": "a"},
    {"key": "a"},
)


async def test_one_of_a_wrong_form_refuses_all(scene: Scene) -> None:
    """422, and the put before it was not done."""
    for wrong in WRONG:
        status, _ = await batch(scene, put("first"), wrong)
        assert status == 422, wrong
    _, (found,) = await batch(scene, get("first"))
    assert found["status"] == 404


async def test_a_full_namespace_refuses_each_by_itself(scene: Scene) -> None:
    """Ten fit."""
    _, results = await batch(scene, *(put(f"k{number}") for number in range(12)), namespace=SMALL)
    assert [one["status"] for one in results].count(204) == 10
    assert [one["status"] for one in results].count(507) == 2


async def test_an_answer_is_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is 413, and is got by asking again."""
    monkeypatch.setattr(cache_batch, "ANSWER_BYTES_MAX", 250)
    await batch(scene, *(put(f"k{number}", b"x" * 100) for number in range(4)))
    _, results = await batch(scene, *(get(f"k{number}") for number in range(4)))
    assert [one["status"] for one in results] == [200, 200, 413, 413]


async def test_a_reader_may_get_only(scene: Scene) -> None:
    """A put among them is 403, and nothing is done."""
    assert (await batch(scene, get("a"), key=READER))[0] == 200
    assert (await batch(scene, get("a"), put("a"), key=READER))[0] == 403
    assert (await batch(scene, get("a")))[1][0]["status"] == 404
