"""Rooms that ask for work, as a worker has them: one place for one answer."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from queueing.work import Challenge, solve
from sadd.rooms import store
from sadd.rooms.written import Bots, RoomSettings
from tests.sadd.queueit.conftest import RESULTS, SETTINGS, Platform, platform

PHONE = {"X-Forwarded-For": "203.0.113.5"}
ROOM = f"/v1/queues/{RESULTS}"


@pytest.fixture
async def made(valkey_url: str, migrated_database_url: str) -> AsyncIterator[Platform]:
    """A room for one at a time that asks everybody for work."""
    async with platform(valkey_url, migrated_database_url, SETTINGS) as made:
        asking = RoomSettings(RESULTS, bots=Bots(40, "always", challenge_at_front=True))
        await store.publish(made.queues.pool, [asking], "test")
        await made.queues.refresh()
        yield made


async def ask(made: Platform, method: str, path: str, **headers: str) -> tuple[int, Any]:
    fields = {**PHONE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with made.server.client.request(method, ROOM + path, headers=fields) as answer:
        made.server.client.cookie_jar.clear()
        return answer.status, await answer.json()


async def answered(made: Platform) -> str:
    status, body = await ask(made, "POST", "/tickets")
    assert (status, body["type"].rpartition("/")[2]) == (428, "work-required")
    return solve(Challenge(**body["challenge"]))


async def test_one_answer_is_one_place(made: Platform) -> None:
    """A retry and a replay by somebody else find the place that there is; another answer gets its own."""
    one, other = await answered(made), await answered(made)
    first = [await ask(made, "POST", "/tickets", Sadd_Work=one) for _ in range(3)]
    second = await ask(made, "POST", "/tickets", Sadd_Work=other)
    assert {(status, body["number"], body["ticket"]) for status, body in first} == {
        (200, 1, first[0][1]["ticket"])
    }
    assert (second[0], second[1]["number"]) == (200, 2)


async def test_who_has_a_place_is_not_asked_again(made: Platform) -> None:
    """A refresh shows the ticket and does no work; a ticket that is none is no way round."""
    _, body = await ask(made, "POST", "/tickets", Sadd_Work=await answered(made))
    again = await ask(made, "POST", "/tickets", Sadd_Ticket=body["ticket"])
    assert (again[0], again[1]["number"]) == (200, body["number"])
    assert (await ask(made, "POST", "/tickets", Sadd_Ticket="AAAA"))[0] == 428
    assert (await ask(made, "POST", "/leave", Sadd_Ticket=body["ticket"]))[0] == 200
    assert (await ask(made, "POST", "/tickets", Sadd_Ticket=body["ticket"]))[0] == 428


async def test_what_is_counted(made: Platform) -> None:
    """By what was said; those whose address nobody told are counted apart."""
    work = await answered(made)
    await ask(made, "POST", "/tickets", Sadd_Work=work)
    await ask(made, "POST", "/tickets", X_Forwarded_For="127.0.0.1")
    assert made.queues.welcome.keeper.stats().judged == {"challenged": 1, "work": 1, "unjudged": 1}
