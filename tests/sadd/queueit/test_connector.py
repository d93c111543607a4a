"""A site with Queue-it's own connector goes through Sadd and back, by configuration alone."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import msgspec
import pytest
from yarl import URL

from tests.sadd.queueit.conftest import (
    HOST,
    QUEUE,
    RESULTS,
    SETTINGS,
    Browser,
    Platform,
    RunningSite,
    a_browser,
    platform,
)
from tests.waiting import eventually

SERVICE = f"https://{HOST}/2027?seat=1234"
COOKIE = f"QueueITAccepted-SDFrts345E-V3_{RESULTS}"


@dataclass
class Scene:
    platform: Platform
    site: RunningSite
    opened: AsyncExitStack

    async def browser(self, **changes: Any) -> Browser:
        browser = a_browser(self.platform, self.site, **changes)
        await self.opened.enter_async_context(browser.session)
        return browser

    async def api(self, method: str, word: str, ticket: str = "") -> Any:
        path, headers = f"/v1/queues/{RESULTS}/{word}", {"Sadd-Ticket": ticket}
        async with self.platform.server.client.request(method, path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


Scenes = Callable[..., Any]


@pytest.fixture
async def scenes(
    valkey_url: str, migrated_database_url: str, site: Callable[[bytes, str], RunningSite]
) -> AsyncIterator[Scenes]:
    """Makes the scene; ``changes`` are settings of the connection."""
    async with AsyncExitStack() as opened:

        async def scene(secret: str | None = None, **changes: Any) -> Scene:
            settings = msgspec.structs.replace(SETTINGS, **changes)
            made = await opened.enter_async_context(platform(valkey_url, migrated_database_url, settings))
            path = "/queueit/status/integrationconfig/secure/moehe"
            async with made.server.client.get(path, headers={"api-key": "any"}) as answer:
                assert answer.status == 200
                config = await answer.read()
            return Scene(made, site(config, secret or made.connection.secret), opened)

        yield scene


async def test_nobody_waits_nobody_notices(scenes: Scenes) -> None:
    """The first visitor is at the service after a few redirects, with the connector's cookie, and stays."""
    scene = await scenes()
    visitor = await scene.browser()
    assert await visitor.open(SERVICE) == (
        200,
        '<!doctype html><html lang="en"><title>The service</title><h1>The service</h1><p>Queue',
    )
    hosts = [url.host for url in visitor.seen]
    assert hosts == [HOST, QUEUE, QUEUE, HOST, HOST]
    assert str(visitor.seen[-1]) == SERVICE
    cookies = (visitor.cookies or {})[HOST]
    assert f"QueueITAccepted-SDFrts345E-V3_{RESULTS}" in cookies
    visitor.seen.clear()
    assert (await visitor.open(SERVICE))[0] == 200
    assert [url.host for url in visitor.seen] == [HOST]


async def test_the_token_is_the_connectors(scenes: Scenes) -> None:
    """Field by field: event, queue id, end, the minutes of the pass, not to be extended, hash."""
    visitor = await (await scenes()).browser()
    await visitor.open(SERVICE)
    token = parse_qs(urlsplit(str(visitor.seen[3])).query)["queueittoken"][0]
    kinds = r"e_moehe-results~q_[0-9a-f]{64}p~ts_\d+~ce_false~cv_[45]~rt_queue~h_[0-9a-f]{64}"
    assert re.fullmatch(kinds, token)


async def test_the_second_waits_and_goes_on_in_turn(scenes: Scenes) -> None:
    """The room is full: the waiting page, with a service and a path; after the turn, the service."""
    scene = await scenes()
    first, second = await scene.browser(), await scene.browser(address="198.51.100.9")
    await first.open(SERVICE)
    url, onward = SERVICE, None
    for _ in range(3):
        _, _, onward = await second.step(url)
        assert onward is not None
        url = onward
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert urlsplit(url).path == f"/queue/{RESULTS}"
    assert query == {"service": RESULTS, "path": "/2027?seat=1234", "via": "moehe"}
    ticket = (second.cookies or {})[QUEUE]["sadd_ticket"][0]  # nobody waited: he is the first in line
    leaver = (first.cookies or {})[QUEUE]["sadd_ticket"][0]
    await scene.api("POST", "leave", leaver)
    await eventually(lambda: _admitted(scene, ticket))  # what the page's button does
    door = url.replace(f"/queue/{RESULTS}?", f"/queue/{RESULTS}/queueit?")
    assert (await second.open(door))[0] == 200
    assert str(second.seen[-1]) == SERVICE


async def _admitted(scene: Scene, ticket: str) -> bool:
    standing = await scene.api("POST", "claim", ticket)
    return bool(standing["state"] == "admitted")


async def test_a_pass_gives_one_token(scenes: Scenes) -> None:
    """The same browser may repeat the step at once; another with the ticket is told that it was used."""
    scene = await scenes()
    visitor = await scene.browser()
    await visitor.open(SERVICE)
    door = str(visitor.seen[2])
    again = await visitor.step(door)
    assert again[0] == 303
    assert "queueittoken=" in str(again[2])
    friend = await scene.browser(
        address="198.51.100.9", cookies={QUEUE: dict((visitor.cookies or {})[QUEUE])}
    )
    status, text, onward = await friend.step(door)
    assert (status, onward) == (403, None)
    assert "Your turn has been used" in text
    assert 'dir="rtl"' in text
    status, _, onward = await friend.step(door, "POST")
    assert status == 303
    assert str(onward).startswith(f"https://{QUEUE}/queue/{RESULTS}?")
    assert (friend.cookies or {})[QUEUE] == {}


async def test_a_token_of_one_address(scenes: Scenes) -> None:
    """Bound, it is good from there only; from elsewhere the connector sends back, and we say why."""
    scene = await scenes(bind_address=True)
    visitor, friend = await scene.browser(), await scene.browser(address="198.51.100.9")
    for _ in range(3):
        await visitor.step(visitor.onward or SERVICE)
    token_url = str(visitor.onward)
    status, text = await friend.open(token_url)
    assert status == 403
    assert "Your network has changed" in text
    assert friend.seen[-1].path == "/queueit/error/ip/"
    assert (await visitor.open(token_url))[0] == 200


async def test_a_wrong_secret_is_found_out(scenes: Scenes) -> None:
    """The connector refuses the token; the visitor reads so in both languages and finds the way back."""
    scene = await scenes(secret="x" * 64)
    visitor = await scene.browser()
    status, text = await visitor.open(SERVICE)
    assert status == 403
    assert visitor.seen[-1].path == "/queueit/error/hash/"
    assert "The service did not take the link" in text
    assert f'href="/queue/{RESULTS}/queueit?service={RESULTS}' in text
    assert scene.platform.queues.connectors.queueit.stats().errors["hash"] == 1


async def test_a_path_that_is_ignored(scenes: Scenes) -> None:
    """The configuration that we serve has it: no redirect, no cookie."""
    visitor = await (await scenes()).browser()
    status, text = await visitor.open(f"https://{HOST}/health")
    assert (status, text.endswith("Ignore"), len(visitor.seen)) == (200, True, 1)


async def test_leaving_gives_the_slot_back(scenes: Scenes) -> None:
    """At the leaving path the connector drops its cookie and tells us whose place it was."""
    scene = await scenes()
    visitor = await scene.browser()
    await visitor.open(SERVICE)
    status, _, onward = await visitor.step(f"https://{HOST}/bye")
    assert status == 302
    assert str(onward).startswith(f"https://{QUEUE}/queueit/cancel/multiple/moehe?wrl={RESULTS}~")
    status, _, back = await visitor.step(str(onward))
    assert (status, back) == (303, f"https://{HOST}/bye")
    assert scene.platform.queues.connectors.queueit.stats().cancelled == 1
    ticket = (visitor.cookies or {})[QUEUE]["sadd_ticket"][0]
    assert (await scene.api("GET", "ticket", ticket))["state"] != "admitted"
    assert (visitor.cookies or {})[HOST] == {}


async def test_the_sites_own_time(scenes: Scenes) -> None:
    """Extended by the site with each page, if the connection says so: the token has no minutes."""
    visitor = await (await scenes(cookie="site", cookie_minutes=7)).browser()
    await visitor.open(SERVICE)
    assert "~ce_true~rt_queue~" in str(visitor.seen[3])
    cookie = (visitor.cookies or {})[HOST][f"QueueITAccepted-SDFrts345E-V3_{RESULTS}"][0]
    assert "FixedValidityMins" not in cookie


async def test_an_event_that_keeps_its_name(scenes: Scenes) -> None:
    """A site that moves over keeps the event id that it has; the room's own id is then no second name."""
    scene = await scenes(events={"results2027": RESULTS})
    visitor = await scene.browser()
    assert (await visitor.open(SERVICE))[0] == 200
    assert "e_results2027~" in str(visitor.seen[3])
    assert (await visitor.open(f"https://{QUEUE}/queueit/?c=moehe&e={RESULTS}"))[0] == 404


NOWHERE = (
    "",
    "c=moehe",
    f"c=nobody&e={RESULTS}",
    "c=moehe&e=passports",
    f"c=moehe&e={RESULTS}&t=https%3A%2F%2Fevil.example%2F",
    f"c=moehe&e={RESULTS}&t=https%3A%2F%2F{HOST}%40evil.example%2F",
    f"c=moehe&e={RESULTS}&t=%2F%2Fevil.example",
    f"c=moehe&e={RESULTS}&t=javascript%3Aalert(1)",
    f"c=moehe&e={RESULTS}&t=%00%FF",
)


async def test_no_open_redirect(valkey_url: str, migrated_database_url: str) -> None:
    """A target, event or customer that is not registered leads nowhere, and nothing of it is said again."""
    async with platform(valkey_url, migrated_database_url, SETTINGS) as made:
        for query in NOWHERE:
            for path in ("", "error/timestamp/", "cancel/moehe/x/"):
                url = f"/queueit/{path}?{query}&r=https%3A%2F%2Fevil.example"
                async with made.server.client.get(URL(url, encoded=True), allow_redirects=False) as answer:
                    assert answer.status == (200 if path.startswith("cancel") else 404), url
                    assert "evil" not in await answer.text()
                    assert "Location" not in answer.headers


ELSEWHERE = (
    f"service={RESULTS}&via=nobody&path=/",
    "service=moph-appointment&via=moehe&path=/",
    f"service={RESULTS}&via=moehe&path=https://evil.example",
    f"service={RESULTS}&via=moehe&path=/%0d%0aLocation:x",
    "",
)


async def test_nor_at_the_rooms_own_door(valkey_url: str, migrated_database_url: str) -> None:
    """Service, customer and path are looked at again there, for GET and for POST."""
    async with platform(valkey_url, migrated_database_url, SETTINGS) as made:
        for query in ELSEWHERE:
            url = URL(f"/queue/{RESULTS}/queueit?{query}", encoded=True)
            for method in ("GET", "POST"):
                async with made.server.client.request(method, url, allow_redirects=False) as answer:
                    assert (answer.status, answer.headers.get("Location")) == (404, None)


async def test_who_joins_too_often_is_judged_here_too(scenes: Scenes) -> None:
    """The door is the rooms' own: a join by way of a connector is counted like any other."""
    scene = await scenes()
    keeper = scene.platform.queues.welcome.keeper
    visitor = await scene.browser()
    await visitor.open(SERVICE)
    assert keeper.stats().judged == {"free": 1}


def _cookie(browser: Browser) -> dict[str, str]:
    """The fields of the connector's cookie."""
    value = (browser.cookies or {})[HOST][COOKIE][0]
    return dict(pair.split("=", 1) for pair in unquote(value).split("&"))


def _set(browser: Browser, fields: dict[str, str]) -> None:
    value = quote("&".join(f"{name}={text}" for name, text in fields.items()), safe="")
    (browser.cookies or {})[HOST][COOKIE] = (value, "/")


async def test_the_cookies_missing_separators_gain_nothing(scenes: Scenes) -> None:
    """The connector signs its cookie's fields without separators. With our ids no digit can move into the
    minutes, and minutes moved out leave one: a cookie with a valid hash that is good for no longer."""
    visitor = await (await scenes()).browser()
    await visitor.open(SERVICE)
    fields = _cookie(visitor)
    assert fields["QueueId"][-1] == "p"
    moved = {**fields, "QueueId": fields["QueueId"] + fields["FixedValidityMins"]}
    del moved["FixedValidityMins"]
    _set(visitor, moved)
    visitor.seen.clear()
    assert (await visitor.open(SERVICE))[0] == 200
    assert [url.host for url in visitor.seen] == [HOST]  # the hash holds: that is the weakness
    assert _cookie(visitor) == moved  # and it was not extended; the configuration gives it one minute
    async with visitor.session.get(
        f"http://127.0.0.1:{visitor.ports[QUEUE]}/queueit/status/integrationconfig/moehe"
    ) as answer:
        (queue,) = [one for one in (await answer.json())["Integrations"] if one["ActionType"] == "Queue"]
    assert (queue["CookieValidityMinute"], queue["ExtendCookieValidity"]) == (1, False)


async def test_a_bound_cookie_can_be_unbound(scenes: Scenes) -> None:
    """Known of the connector and told in docs/queue-it.md: the address's hash moves into the time of issue,
    and the cookie is good everywhere. Therefore tokens are bound only where a site asks for it."""
    visitor = await (await scenes(bind_address=True)).browser()
    await visitor.open(SERVICE)
    fields = _cookie(visitor)
    moved = {**fields, "IssueTime": fields["IssueTime"] + fields["Hip"]}
    del moved["Hip"]
    visitor.address = "198.51.100.9"
    assert (await visitor.step(SERVICE))[0] == 302  # from elsewhere, as it was made
    _set(visitor, moved)
    assert (await visitor.step(SERVICE))[0] == 200
