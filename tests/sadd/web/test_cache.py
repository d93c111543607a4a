"""The cache over HTTP."""

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from multidict import CIMultiDict
from yarl import URL

from tests.sadd.web.cache_scene import SMALL, cache_scene
from tests.sadd.web.callers import MOEHE, MOPH, READER
from tests.sadd.web.served import Served
from tests.stores import stoppable_valkey

PAGE = "/v1/cache/pages/results/ar"


@pytest.fixture
async def server(valkey_url: str) -> AsyncIterator[Served]:
    async with cache_scene(valkey_url) as scene:
        yield scene.server


async def put(server: Served, path: str = PAGE, body: bytes | BytesIO = b"<p>", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with server.client.put(path, data=body, headers={**MOEHE, **named}) as answer:
        return answer.status


async def test_a_directive_in_a_second_line_counts(server: Served) -> None:
    """A field that comes twice is one list (RFC 9110, section 5.3): no-store is not overheard."""
    headers = CIMultiDict([*MOEHE.items(), ("Cache-Control", "max-age=60"), ("Cache-Control", "no-store")])
    async with server.client.put(PAGE, data=b"private", headers=headers) as answer:
        assert (answer.status, (await answer.json())["type"].rpartition("/")[2]) == (422, "not-storable")


async def test_what_is_put_is_got(server: Served) -> None:
    """Bytes, content type, tag, age, the time that it is fresh, and that it was a hit."""
    assert await put(server, Content_Type="text/html; charset=utf-8", Cache_Control="max-age=60") == 204
    async with server.client.get(PAGE, headers=READER) as answer:
        assert (answer.status, await answer.read()) == (200, b"<p>")
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cache-Control"] == "private, max-age=60"
        assert answer.headers["Age"] in ("0", "1")
        assert answer.headers["Cache-Status"] in ("sadd; hit; ttl=59", "sadd; hit; ttl=60")
        assert answer.headers["ETag"].startswith('"')


@pytest.mark.parametrize(
    ("match", "status"), [("{tag}", 304), ('"x", {tag}', 304), ("W/{tag}", 304), ("*", 304), ('"x"', 200)]
)
async def test_whoever_has_it_already_gets_304(server: Served, match: str, status: int) -> None:
    """If-None-Match by weak comparison, in a list, and any; the 304 has tag and age and no body."""
    await put(server)
    async with server.client.get(PAGE, headers=MOEHE) as answer:
        tag = answer.headers["ETag"]
    async with server.client.get(PAGE, headers={**MOEHE, "If-None-Match": match.format(tag=tag)}) as answer:
        assert answer.status == status
        assert answer.headers["ETag"] == tag
        assert "Age" in answer.headers
        assert (await answer.read() == b"") == (status == 304)


async def test_a_miss_says_so(server: Served) -> None:
    """404 cache-miss with Cache-Status fwd=miss, also for another agency that asks for the same key."""
    await put(server)
    for path, key in (("/v1/cache/pages/nothing", MOEHE), (PAGE, MOPH)):
        async with server.client.get(path, headers=key) as answer:
            assert answer.status == 404
            assert answer.headers["Cache-Status"] == "sadd; fwd=miss"
            assert (await answer.json())["type"].endswith("/cache-miss")


async def test_a_deleted_entry_is_gone(server: Served) -> None:
    """204 whether there was one or not."""
    await put(server)
    for _ in range(2):
        async with server.client.delete(PAGE, headers=MOEHE) as answer:
            assert answer.status == 204
    async with server.client.get(PAGE, headers=MOEHE) as answer:
        assert answer.status == 404


async def test_another_agencys_entry_is_not_deleted(server: Served) -> None:
    """It deletes its own, which is not there."""
    await put(server)
    async with server.client.delete(PAGE, headers=MOPH) as answer:
        assert answer.status == 204
    async with server.client.get(PAGE, headers=MOEHE) as answer:
        assert answer.status == 200


async def test_a_namespace_called_like_a_service_has_its_class(server: Served) -> None:
    """Without Cache-Control its times are those of the catalogue."""
    path = f"/v1/cache/{SMALL}/front"
    assert await put(server, path) == 204
    async with server.client.get(path, headers=MOEHE) as answer:
        said = "private, max-age=60, stale-while-revalidate=30, stale-if-error=600"
        assert answer.headers["Cache-Control"] == said


async def test_any_other_namespace_has_300_seconds(server: Served) -> None:
    """And nothing is drawn forward: what a caller says of its own holds to the second."""
    assert await put(server) == 204
    async with server.client.get(PAGE, headers=MOEHE) as answer:
        assert answer.headers["Cache-Control"] == "private, max-age=300"


async def test_both_stale_times_are_told(server: Served) -> None:
    """Counted from the end of freshness (RFC 5861), as they were asked for."""
    said = "max-age=60, stale-while-revalidate=30, stale-if-error=600"
    assert await put(server, Cache_Control=said) == 204
    async with server.client.get(PAGE, headers=MOEHE) as answer:
        assert answer.headers["Cache-Control"] == f"private, {said}"


async def test_tags_come_back(server: Served) -> None:
    """Each once, in the field that they came in."""
    assert await put(server, Surrogate_Key="results ar  results") == 204
    async with server.client.get(PAGE, headers=MOEHE) as answer:
        assert answer.headers["Surrogate-Key"] == "results ar"


@pytest.mark.parametrize(
    ("match", "status"), [("{tag}", 200), ("*", 200), ('"x", {tag}', 200), ('"x"', 412), ("W/{tag}", 412)]
)
async def test_an_entry_that_must_be_another_is_not_given(server: Served, match: str, status: int) -> None:
    """If-Match by strong comparison."""
    await put(server)
    async with server.client.get(PAGE, headers=MOEHE) as answer:
        tag = answer.headers["ETag"]
    async with server.client.get(PAGE, headers={**MOEHE, "If-Match": match.format(tag=tag)}) as answer:
        assert answer.status == status


@pytest.mark.parametrize("path", ["/v1/cache/shield-moehe-results/x", "/v1/cache/pages/events"])
async def test_what_is_not_the_callers_is_refused(server: Served, path: str) -> None:
    """What the caching proxy keeps, and the path of the events: neither is put nor got as an entry."""
    assert await put(server, path) == 422
    if not path.endswith("events"):
        async with server.client.get(path, headers=MOEHE) as answer:
            assert answer.status == 422


@pytest.mark.parametrize("field", ["no-store", "private", "no-cache", "max-age=0"])
async def test_what_must_not_be_kept_is_refused(server: Served, field: str) -> None:
    """422 not-storable, rather than a silent nothing."""
    assert await put(server, Cache_Control=field) == 422
    async with server.client.get(PAGE, headers=MOEHE) as answer:
        assert answer.status == 404


ODD: tuple[tuple[str, dict[str, str], int], ...] = (
    ("/v1/cache/Pages/k", {}, 422),
    ("/v1/cache/pages/k%20k", {}, 422),
    ("/v1/cache/pages/a%252Fb", {}, 422),
    ("/v1/cache/pages/" + "k" * 257, {}, 422),
    (PAGE, {"Cache-Control": "max-age=x"}, 422),
    (PAGE, {"Content-Encoding": "gzip"}, 415),
    (PAGE, {"If-None-Match": "*"}, 422),
    (PAGE, {"If-Match": "*"}, 422),
    (PAGE, {"Content-Range": "bytes 0-0/2"}, 400),
    (PAGE, {"Sadd-Lease": "x"}, 422),
    (PAGE, {"Sadd-Lease": "1" * 20}, 422),
    (PAGE, {"Surrogate-Key": "t" * 256}, 422),
)


async def test_an_odd_put_is_refused(server: Served) -> None:
    """Bad form of namespace, key or field: nothing is kept."""
    for path, headers, status in ODD:
        url = URL(f"http://127.0.0.1:{server.port}{path}", encoded=True)
        async with server.client.put(url, data=b"x", headers={**MOEHE, **headers}) as answer:
            assert answer.status == status, (path, headers)
    async with server.client.get(PAGE, headers=MOEHE) as answer:
        assert answer.status == 404


async def test_an_entry_is_bounded(server: Served) -> None:
    """A body above the server's bound is 413."""
    assert await put(server, body=b"x" * 1_048_576) == 204
    assert await put(server, body=BytesIO(b"x" * 1_048_577)) == 413


async def test_reading_does_not_allow_writing(server: Served) -> None:
    """403 for a key with cache:read only, 401 for none."""
    async with server.client.put(PAGE, data=b"x", headers=READER) as answer:
        assert answer.status == 403
    async with server.client.get(PAGE) as answer:
        assert answer.status == 401


async def test_without_a_store_the_cache_shrugs(tmp_path: Path) -> None:
    """Store killed: a get is a miss that says why, a put and a delete are 503 with Retry-After."""
    with stoppable_valkey(tmp_path) as valkey:
        async with cache_scene(valkey.url, deadline_ms=300) as scene:
            server = scene.server
            await put(server)
            valkey.stop()
            async with server.client.get(PAGE, headers=MOEHE) as answer:
                assert answer.status == 404
                assert answer.headers["Cache-Status"] == 'sadd; fwd=miss; detail="store-away"'
            for method in ("PUT", "DELETE"):
                async with server.client.request(method, PAGE, headers=MOEHE) as answer:
                    assert answer.status == 503
                    assert answer.headers["Retry-After"] == "1"
