"""A room that asks for work, in a real Chromium: a script does it unnoticed, else a button waits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from sadd.rooms import store
from sadd.rooms.written import Bots, RoomSettings
from sadd.settings import Settings
from tests.pages.conftest import Profiles
from tests.sadd.queueit.conftest import RESULTS, SETTINGS, Platform, platform
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_PROXY_HERE = replace(Settings(), gate=replace(Settings().gate, trusted_proxies="192.0.2.0/24"))
"""So that who calls from this machine is a visitor."""


@asynccontextmanager
async def asking(valkey_url: str, database_url: str) -> AsyncIterator[Platform]:
    """A full room that asks everybody for work."""
    async with platform(valkey_url, database_url, SETTINGS, NO_PROXY_HERE) as made:
        async with made.server.client.post(f"/v1/queues/{RESULTS}/tickets") as answer:
            assert (await answer.json())["state"] == "admitted"
        await store.publish(made.queues.pool, [RoomSettings(RESULTS, bots=Bots(40, "always"))], "test")
        await made.queues.refresh()
        yield made


async def opened(profiles: Profiles, made: Platform, *, script: bool) -> Page:
    page = await (await profiles(java_script_enabled=script)).new_page()
    await page.goto(f"http://127.0.0.1:{made.server.port}/queue/{RESULTS}?lang=en")
    await page.get_by_role("button", name="Join the line").click()
    return page


async def test_a_script_does_the_work(
    profiles: Profiles, valkey_url: str, migrated_database_url: str
) -> None:
    """One press of the button, and the visitor is in line; the page's policy lets the worker run."""
    async with asking(valkey_url, migrated_database_url) as made:
        page = await opened(profiles, made, script=True)
        await expect(page.locator("#now")).to_have_text("You are in line")
        judged = made.queues.welcome.keeper.stats().judged
        assert (judged["challenged"], judged["work"]) == (1, 1)


async def test_without_a_script_a_button_waits(
    profiles: Profiles, valkey_url: str, migrated_database_url: str
) -> None:
    """Too early says so and loses nothing; after five seconds the same button goes on. No riddle."""
    async with asking(valkey_url, migrated_database_url) as made:
        page = await opened(profiles, made, script=False)
        await expect(page.locator("h1")).to_have_text("A short check")
        go_on = page.get_by_role("button", name="Go on")

        async def gone_on() -> bool:
            async with page.expect_navigation():
                await go_on.click()
            return await go_on.count() == 0

        await eventually(gone_on)
        await expect(page.locator("#now")).to_have_text("You are in line")
        judged = made.queues.welcome.keeper.stats().judged
        assert judged["early"] >= 1
        assert (judged["challenged"], judged["plain"]) == (1, 1)
