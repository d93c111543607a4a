"""The operator's page in a real Chromium, on a real server and real stores, with and without JavaScript."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from sadd.rooms import store
from sadd.rooms.written import RoomSettings
from tests.pages.axe import findings
from tests.pages.conftest import Profiles
from tests.sadd.web.operator.scene import RESULTS, Scene, samples, scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "has_touch": False}
PICTURES = Path(os.environ.get("SADD_TEST_PICTURES", "/nonexistent"))


@pytest_asyncio.fixture(loop_scope="session")
async def site(valkey_url: str, migrated_database_url: str) -> AsyncIterator[Scene]:
    """A room in which some wait, with an hour of history."""
    async with scene(valkey_url, migrated_database_url) as made:
        now_ms = int(time.time() * 1000)
        for sample in samples(now_ms, 600):
            await made.history.append(RESULTS, sample)
        await made.history.note_live([RESULTS], now_ms)
        while (await made.rooms.join(made.room)).state != "waiting":
            pass
        for _ in range(400 if PICTURES.is_dir() else 0):
            await made.rooms.join(made.room)
        yield made


async def signed_in(site: Scene, context: BrowserContext) -> Page:
    page = await context.new_page()
    await page.goto(f"{site.url}/operator/queues")
    await page.locator("#key").fill(site.keys["operator"])
    await page.locator("main button[type=submit]").click()
    await expect(page.locator("h1")).to_have_text(["غرف الانتظار", "Waiting rooms"][await _is_english(page)])
    return page


async def _is_english(page: Page) -> bool:
    return await page.locator("html").get_attribute("lang") == "en"


async def picture(page: Page, name: str) -> None:
    """For the documentation, if it is asked for."""
    if PICTURES.is_dir():
        await page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


async def set_up(site: Scene) -> RoomSettings | None:
    return next((room for room in (await store.read(site.pool)).rooms if room.id == RESULTS), None)


@pytest.mark.parametrize("language", ["ar", "en"])
async def test_axe_finds_nothing_on_any_page(site: Scene, profiles: Profiles, language: str) -> None:
    """Sign-in refused, rooms, one room with its charts drawn, a change before it is made."""
    context = await profiles(**DESK, locale=language)
    page = await context.new_page()
    await page.goto(f"{site.url}/operator/sign-in")
    await page.locator("#key").fill("wrong")
    await page.locator("main button[type=submit]").click()
    await expect(page.locator("#problem")).to_be_visible()
    assert await findings(page) == []
    await page.close()

    page = await signed_in(site, context)
    assert await findings(page) == []
    await picture(page, f"operator-rooms-{language}")
    await page.locator("tbody th a").click()
    await expect(page.locator("[data-drawn=uplot]")).to_have_count(4)
    assert await findings(page) == []
    await picture(page, f"operator-room-{language}")
    await page.locator("[name=outflow_per_minute]").fill("120")
    await page.locator("form:has([value=rate]) button").click()
    await expect(page.locator("form[action$=apply]")).to_be_visible()
    assert await findings(page) == []
    await picture(page, f"operator-preview-{language}")


async def test_a_dark_small_screen_is_as_clear(site: Scene, profiles: Profiles) -> None:
    """360 pixels wide, dark: nothing runs out of the side, and axe finds nothing, contrast included."""
    page = await signed_in(site, await profiles(color_scheme="dark"))
    for path in ("/operator/queues", f"/operator/queues/{RESULTS}"):
        await page.goto(site.url + path)
        assert await findings(page) == []
        assert await page.evaluate("document.scrollingElement.scrollWidth") <= 360
    await page.set_viewport_size({"width": 320, "height": 740})
    narrow = (
        "document.scrollingElement.scrollWidth <= 320 && document.querySelector('.u-wrap').offsetWidth < 320"
    )
    await page.wait_for_function(narrow)


async def test_a_change_without_javascript(site: Scene, profiles: Profiles) -> None:
    """Sign in, see the charts as pictures, pause, change the rate, sign out: forms and links alone."""
    page = await signed_in(site, await profiles(**DESK, java_script_enabled=False, locale="en"))
    assert "sadd_" not in page.url
    await page.locator("tbody th a").click()
    await expect(page.locator("svg.drawn")).to_have_count(4)
    await expect(page.locator("svg.drawn").first).to_be_visible()
    await expect(page.locator("#live")).to_be_hidden()
    await page.locator("form:has([value=pause]) button").click()
    await expect(page.locator("table.differences")).to_contain_text("Calling is paused")
    assert await set_up(site) is None
    await page.locator("#note").fill("the origin is unwell")
    await page.get_by_role("button", name="Make the change").click()
    await expect(page.locator(".done")).to_be_visible()
    await page.locator("[name=outflow_per_minute]").fill("120")
    await page.locator("form:has([value=rate]) button").click()
    await page.get_by_role("button", name="Make the change").click()
    changed = await set_up(site)
    assert changed is not None
    assert (changed.suspended, changed.outflow_per_minute) == (True, 120)
    await expect(page.locator("section:has(#history)")).to_contain_text("the origin is unwell")
    await page.get_by_role("button", name="Sign out").click()
    await page.goto(f"{site.url}/operator/queues/{RESULTS}")
    await expect(page.locator("#key")).to_be_visible()


async def test_the_page_is_live_and_can_be_held_still(site: Scene, profiles: Profiles) -> None:
    """A new state appears by itself and is said once; held still, it does not change."""
    page = await signed_in(site, await profiles(**DESK, locale="en"))
    await page.clock.install()
    await page.goto(f"{site.url}/operator/queues/{RESULTS}")
    await expect(page.locator("[data-drawn=uplot] canvas")).to_have_count(4)
    await expect(page.get_by_role("img", name="People waiting")).to_be_visible()
    await store.publish(site.pool, [RoomSettings(RESULTS, outflow_per_minute=77)], "somebody")
    await site.specs.refresh()
    await page.clock.run_for(5_000)
    target = page.locator(".facts div", has_text="Target")
    await expect(target).to_contain_text("77")
    await page.get_by_role("button", name="Turn live updates off").click()
    await store.publish(site.pool, [RoomSettings(RESULTS, outflow_per_minute=78)], "somebody")
    await site.specs.refresh()
    await page.clock.run_for(20_000)
    await expect(target).to_contain_text("77")
    await page.get_by_role("button", name="Turn live updates on").click()
    await expect(target).to_contain_text("78")


async def test_live_updates_disturb_nobody_and_end(site: Scene, profiles: Profiles) -> None:
    """They take neither a form's field nor the focus; a screen left alone stops asking, so that its session
    ends by itself; a button goes on."""
    page = await signed_in(site, await profiles(**DESK, locale="en"))
    await page.clock.install()
    await page.goto(f"{site.url}/operator/queues/{RESULTS}")
    await page.locator("#message_en").fill("We are sorry")
    await page.clock.run_for(11_000)
    await expect(page.locator("#message_en")).to_have_value("We are sorry")
    await expect(page.locator("#message_en")).to_be_focused()
    await page.clock.fast_forward(11 * 60_000)
    await expect(page.locator("#said")).to_contain_text("Live updates have stopped")
    await expect(page.locator("#live")).to_have_text("Turn live updates on")


async def test_all_is_reached_by_the_keyboard(site: Scene, profiles: Profiles) -> None:
    """The first key skips to the content; a change is made without a mouse."""
    page = await signed_in(site, await profiles(**DESK, locale="en"))
    await page.goto(f"{site.url}/operator/queues/{RESULTS}")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Enter")
    button = page.locator("form:has([value=pause]) button")
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await button.evaluate("it => it === document.activeElement"):
            break
    await page.keyboard.press("Enter")
    await expect(page.locator("form[action$=apply]")).to_be_visible()


async def test_another_site_cannot_send_our_forms(site: Scene, profiles: Profiles) -> None:
    """With the operator's own browser, signed in: the cookie does not go along, and the form is refused."""
    context = await profiles(**DESK, locale="en")
    page = await signed_in(site, context)
    await context.route(
        "https://evil.example/**",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<form method="post" action="{site.url}/operator/queues/{RESULTS}/apply">'
            '<input name="lever" value="pause"><button>win a prize</button></form>',
        ),
    )
    await page.goto("https://evil.example/")
    await page.get_by_role("button").click()
    await expect(page.locator("[role=alert]")).to_contain_text("did not come from this page")
    assert await set_up(site) is None


async def test_the_policy_lets_nothing_else_run(site: Scene, profiles: Profiles) -> None:
    """No script, style or request is refused by it on our own pages; what is put in from outside is."""
    page = await signed_in(site, await profiles(**DESK, locale="en"))
    refused: list[str] = []
    page.on("console", lambda line: refused.append(line.text) if "Security Policy" in line.text else None)
    await page.goto(f"{site.url}/operator/queues/{RESULTS}")
    await expect(page.locator("[data-drawn=uplot]")).to_have_count(4)
    assert refused == []
    await page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned = 1\">')"
    )
    await expect(page.locator("body > img")).to_be_attached()
    assert await page.evaluate("window.pwned") is None
