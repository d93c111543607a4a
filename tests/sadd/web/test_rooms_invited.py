"""Lists of a lane over HTTP: by the room's own agency, of lanes there are, and nobody is named."""

from collections.abc import AsyncIterator

import pytest

from sadd.postgres.pool import Pool, open_pool
from sadd.rooms import store
from sadd.rooms.holder import Holders
from sadd.rooms.invited import Invited
from sadd.rooms.view import RoomsView
from sadd.rooms.written import LaneSettings, RoomSettings
from sadd.web.rooms_invited import SUBJECTS_MAX, endpoints
from tests.sadd.web.scene import CLINIC, MOEHE, MOPH, READER, RESULTS, Keys, View, catalogue
from tests.sadd.web.served import Served, served

LANE = f"/v1/queues/{RESULTS}/lanes/invited/members"


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(migrated_database_url, pool_max=3, deadline_seconds=5) as opened:
        yield opened


@pytest.fixture
async def server(pool: Pool) -> AsyncIterator[Served]:
    await store.publish(pool, [RoomSettings(RESULTS, lanes=(LaneSettings("invited", 0.1),))], "tester")
    specs = RoomsView(pool, View(catalogue()))
    await specs.refresh()
    lists = endpoints(Invited(pool), Holders(b"h" * 32), specs, authority="digital-gov")
    async with served(lists, keys=Keys()) as made:
        yield made


async def told(server: Served, method: str, path: str, body: object = None) -> tuple[int, object]:
    async with server.client.request(method, path, json=body, headers=MOEHE) as answer:
        return answer.status, await answer.json()


async def test_people_are_invited_counted_and_taken_off(server: Served) -> None:
    """Each answer says how many changed and how many are on the list now."""
    line = {"room": RESULTS, "lane": "invited"}
    three = {"subjects": ["27801234567", "سارة", "x" * 512]}
    assert await told(server, "POST", LANE, three) == (200, {**line, "changed": 3, "members": 3})
    assert await told(server, "POST", LANE, three) == (200, {**line, "changed": 0, "members": 3})
    one = {"subjects": ["سارة"]}
    assert await told(server, "POST", f"{LANE}/remove", one) == (200, {**line, "changed": 1, "members": 2})
    assert await told(server, "GET", LANE) == (200, {**line, "changed": 0, "members": 2})
    assert await told(server, "DELETE", LANE) == (200, {**line, "changed": 2, "members": 0})


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (LANE, MOPH, 404),
        (LANE, READER, 403),
        (LANE, {"X-None": ""}, 401),
        (f"/v1/queues/{RESULTS}/lanes/other/members", MOEHE, 404),
        (f"/v1/queues/{CLINIC}/lanes/invited/members", MOPH, 404),
        ("/v1/queues/none/lanes/invited/members", MOEHE, 404),
    ],
)
async def test_others_change_nothing(
    server: Served, pool: Pool, path: str, headers: dict[str, str], status: int
) -> None:
    """Another agency, a key without the scope, nobody; a lane or a room that there is not."""
    for method, tail in (("POST", ""), ("POST", "/remove"), ("DELETE", ""), ("GET", "")):
        body = {"subjects": ["27801234567"]} if method == "POST" else None
        async with server.client.request(method, path + tail, json=body, headers=headers) as answer:
            assert (answer.status, answer.content_type) == (status, "application/problem+json")
    assert await pool.fetchval("SELECT count(*) FROM lane_invited") == 0


@pytest.mark.parametrize(
    "body",
    [
        {"subjects": []},
        {"subjects": [""]},
        {"subjects": ["x" * 513]},
        {"subjects": ["x"] * (SUBJECTS_MAX + 1)},
        {"subjects": "x"},
        {"names": ["x"]},
    ],
)
async def test_what_is_no_list_of_subjects_is_refused(server: Served, pool: Pool, body: object) -> None:
    """And changes nothing."""
    status, _ = await told(server, "POST", LANE, body)
    assert status == 422
    assert await pool.fetchval("SELECT count(*) FROM lane_invited") == 0
