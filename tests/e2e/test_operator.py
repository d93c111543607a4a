"""The operator's page of a whole platform: two workers, a leader, both stores, as an operator runs it."""

import asyncio
import json
import os
import re
import signal
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from queueing.history import History, Sample
from tests.e2e.platform import SERVICE, Platform
from tests.stores import connected
from tests.waiting import eventually_sync

DASHBOARD = Path(__file__).parents[2] / "docs/grafana/queues.json"
ROOM = f"/v1/queues/{SERVICE}"


@pytest.fixture(scope="module")
def key(running: Platform) -> str:
    return running.key("queues:admin", "queues:join")


def ask(at: Platform, method: str, path: str, body: object = None, key: str = "") -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(at.url + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def crowd(at: Platform, count: int) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: ask(at, "POST", f"{ROOM}/tickets"), range(count)))


def history(at: Platform) -> list[Sample]:
    async def read() -> list[Sample]:
        async with connected(at.told["valkey_url"]) as client:
            return await History(client).read(SERVICE)

    return asyncio.run(read())


def leader(at: Platform) -> int:
    """The process that leads, by the row of its lease."""

    async def read() -> str:
        connection = await asyncpg.connect(at.told["database_url"])
        try:
            return str(await connection.fetchval("SELECT holder FROM queue_leader"))
        finally:
            await connection.close()

    return int(asyncio.run(read()).split(":")[1])


def page_of(at: Platform, key: str, path: str) -> str:
    """A page after signing in, as a browser gets it."""
    jar = urllib.request.HTTPCookieProcessor()
    form = f"key={key}".encode()
    told = {"Sec-Fetch-Site": "same-origin"}
    opener = urllib.request.build_opener(jar, _Staying())
    opener.open(urllib.request.Request(f"{at.url}/operator/sign-in", form, told, method="POST"), timeout=30)
    # It is marked Secure, which a browser does without on the loopback.
    cookie = "; ".join(f"{one.name}={one.value}" for one in jar.cookiejar)
    with urllib.request.urlopen(
        urllib.request.Request(at.url + path, headers={"Cookie": cookie, "Accept-Language": "en"}), timeout=30
    ) as answer:
        return str(answer.read().decode())


class _Staying(urllib.request.HTTPErrorProcessor):
    """A redirect is an answer."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response


def test_the_page_shows_what_the_leader_does(running: Platform, key: str) -> None:
    """Whichever worker answers: who waits, what is let in, and the hour so far."""
    crowd(running, 300)
    eventually_sync(lambda: len(history(running)) >= 2)
    text = page_of(running, key, f"/operator/queues/{SERVICE}")
    assert text.count("data-chart=") == 4
    assert SERVICE in page_of(running, key, "/operator/queues")


def test_another_leader_goes_on_with_the_history(running: Platform) -> None:
    """The samples before a kill -9 of the leader are there, and those after it are of a later term."""
    crowd(running, 300)
    eventually_sync(lambda: len(history(running)) >= 2)
    before = history(running)
    os.kill(leader(running), signal.SIGKILL)

    def led_again() -> bool:
        crowd(running, 20)
        return history(running)[-1].epoch > before[-1].epoch

    eventually_sync(led_again)
    after = history(running)
    assert after[: len(before)] == before
    assert [one.at_ms for one in after] == sorted({one.at_ms for one in after})
    assert after[-1].issued > before[-1].issued


def test_who_is_invited_joins_the_lane(running: Platform, key: str) -> None:
    """By the app's word for the person; counters and call centres by the app's word for the lane. The public
    is told the declared share."""
    ask(running, "PATCH", f"{ROOM}/settings", {"lanes": [{"id": "invited", "share": 0.2}]}, key)
    people = iter(f"278{n:08}" for n in range(1000))
    subjects = [f"278{n:08}" for n in range(1000)]
    members = ask(running, "POST", f"{ROOM}/lanes/invited/members", {"subjects": subjects}, key)["members"]
    assert members == 1000

    def lane(body: dict[str, str]) -> str:
        return str(ask(running, "POST", f"{ROOM}/tickets", body, key).get("lane", ""))

    # The other worker has the list within a moment; each person joins once.
    eventually_sync(lambda: {lane({"subject": next(people)}) for _ in range(8)} == {"invited"})
    assert lane({"subject": "someone else"}) == ""
    assert lane({"lane": "invited"}) == "invited"
    eventually_sync(lambda: ask(running, "GET", ROOM).get("lanes", {}).get("invited", {}).get("share") == 0.2)


def test_the_dashboard_asks_for_metrics_that_there_are(running: Platform) -> None:
    """Each name in docs/grafana/queues.json is a family of a platform in which people wait."""
    asked = set(re.findall(r"sadd_[a-z_]+", DASHBOARD.read_text()))
    # What only an origin tells, and what only an estimate that came true tells.
    asked -= {"sadd_room_failed_share", "sadd_room_latency_ms", "sadd_room_covered_share"}

    def missing() -> set[str]:
        crowd(running, 20)
        with urllib.request.urlopen(f"{running.url}/metrics", timeout=30) as answer:
            return asked - set(re.findall(r"^sadd_[a-z_]+", answer.read().decode(), re.MULTILINE))

    eventually_sync(lambda: missing() == set())


def test_the_dashboard_has_no_gaps() -> None:
    """Each panel asks something, each has its place, and no two share one."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    assert all(panel["targets"] for panel in panels)
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
