"""A citizen's whole way: service, room, turn, service; on a phone, in Arabic, through a real nginx."""

import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.pages.conftest import CHROMIUM, PHONE
from tests.pages.site import NGINX, OTHERS, ROOMS_HOST, SERVICE_HOST, Site
from tests.pages.site import site as opened_site
from tests.proxies.servers import SERVICE
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGE = f"https://{SERVICE_HOST}/results?id=7"
ROOM = re.compile(rf"https://{re.escape(ROOMS_HOST)}/queue/{SERVICE}\?")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if NGINX.missing is not None or CHROMIUM is None:
        pytest.skip(NGINX.missing or "chromium is missing (tests/system-packages.sh installs it as root)")
    with opened_site(tmp_path_factory.mktemp("pages")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(site: Site) -> AsyncIterator[Browser]:
    """Chromium that finds the hosts of the catalogue here."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=CHROMIUM, args=site.arguments)
        yield found
        await found.close()


async def phone(browser: Browser, *, java_script_enabled: bool) -> Page:
    context = await browser.new_context(
        **PHONE, java_script_enabled=java_script_enabled, ignore_https_errors=True
    )
    context.set_default_timeout(30_000)
    return await context.new_page()


async def leave(site: Site, page: Page) -> None:
    """The citizen is done: the next test finds the service empty."""
    kept = {
        one["name"]: one["value"]
        for one in await page.context.cookies(f"https://{ROOMS_HOST}/queue/{SERVICE}")
    }
    site.call("leave", kept["sadd_ticket"])
    await page.context.close()


async def number_of(page: Page) -> str:
    return await page.locator("dl bdi").nth(-2).inner_text()


async def test_without_javascript(site: Site, browser: Browser) -> None:
    """Led into the room, in line, the same place after all that a browser does, admitted, served."""
    inside = site.occupy()
    page = await phone(browser, java_script_enabled=False)
    await page.goto(PAGE)
    await expect(page).to_have_url(ROOM)
    await expect(page.locator("#now")).to_have_text("لم تأخذ رقمًا بعد")
    await page.get_by_role("button", name="خذ رقمًا").click()
    await expect(page.locator("#now")).to_have_text("أنت في الطابور")
    number = await number_of(page)

    await page.reload()
    await page.get_by_role("link", name="English").click()
    await expect(page.locator("#now")).to_have_text("You are in line")
    await page.get_by_role("link", name="العربية").click()
    await page.go_back()
    await page.go_back()
    await page.goto(PAGE)  # the service again: the gate leads back to the same place
    await page.get_by_role("button", name="اعرف مكانك الآن").click()
    assert await number_of(page) == number

    site.call("leave", inside)

    async def called() -> bool:
        async with page.expect_navigation():
            await page.get_by_role("button", name="اعرف مكانك الآن").click()
        return await page.locator("#now").inner_text() == "جاء دورك"

    await eventually(called)
    await page.get_by_role("button", name="أحتاج إلى وقت أطول").click()
    await expect(page.locator("#now")).to_have_text("جاء دورك")
    reached = len(site.origin.seen)
    await page.get_by_role("button", name="ادخل الآن").click()
    await expect(page).to_have_url(PAGE)
    assert len(site.origin.seen) > reached
    assert not [told for told in site.origin.seen if "sadd_pass" in told.path]
    await page.goto(f"https://{SERVICE_HOST}/other")
    await expect(page).to_have_url(f"https://{SERVICE_HOST}/other")

    await page.goto(f"https://{ROOMS_HOST}/queue/{SERVICE}?lang=ar")
    await expect(page.locator("#now")).to_have_text("يمكنك الدخول")
    await leave(site, page)


async def test_with_javascript(site: Site, browser: Browser) -> None:
    """The page finds the turn by itself, and goes nowhere until the button is pressed."""
    inside = site.occupy()
    page = await phone(browser, java_script_enabled=True)
    await page.goto(PAGE)
    await page.get_by_role("button", name="خذ رقمًا").click()
    await expect(page.locator("#now")).to_have_text("أنت في الطابور")
    site.call("leave", inside)
    await expect(page.locator("#now")).to_have_text("جاء دورك")
    await expect(page).to_have_url(ROOM)
    await expect(page).to_have_title(re.compile("^جاء دورك"))
    await expect(page.locator("#say")).to_have_text("جاء دورك. اضغط زر الدخول.")
    await page.get_by_role("button", name="ادخل الآن").click()
    await expect(page).to_have_url(PAGE)
    await leave(site, page)


async def test_a_code_brings_the_place_to_another_device(site: Site, browser: Browser) -> None:
    """Typed, in lower case and without its groups; the QR code opens the form with it filled in."""
    room = f"https://{ROOMS_HOST}/queue/{OTHERS[0]}?lang="
    inside = site.occupy(OTHERS[0])
    page = await phone(browser, java_script_enabled=False)
    await page.goto(room + "ar")
    await page.get_by_role("button", name="خذ رقمًا").click()
    number, code = await number_of(page), await page.locator("#own").inner_text()

    other = await phone(browser, java_script_enabled=False)
    await other.goto(room + "en")
    await other.get_by_label("Place code").fill("not-a-code")
    await other.get_by_role("button", name="Get my place back").click()
    await expect(other.locator("#fault")).to_contain_text("This is no code of this room")
    await other.get_by_label("Place code").fill(code.lower().replace("-", " "))
    await other.get_by_role("button", name="Get my place back").click()
    await expect(other.locator("#now")).to_have_text("You are in line")
    assert await number_of(other) == number

    third = await phone(browser, java_script_enabled=True)
    await third.goto(f"{room}en#code={code}")
    assert await third.input_value("#code") == code
    await third.get_by_role("button", name="Get my place back").click()
    await expect(third.locator("#now")).to_have_text("You are in line")

    await third.locator("summary").click()
    await third.get_by_role("button", name="Yes, give up my place").click()
    await expect(third.locator("#now")).to_have_text("You have left the line")
    site.call("leave", inside, OTHERS[0])
    for one in (page, other, third):
        await one.context.close()


async def test_a_browser_that_keeps_no_cookies(site: Site, browser: Browser) -> None:
    """The place is in its forms and in the fragment of its address: buttons, languages, reloads keep it."""
    inside = site.occupy(OTHERS[1])
    page = await phone(browser, java_script_enabled=True)

    async def forget() -> None:
        await page.context.clear_cookies()

    await page.goto(f"https://{ROOMS_HOST}/queue/{OTHERS[1]}?lang=ar")
    await forget()
    await page.get_by_role("button", name="خذ رقمًا").click()
    await expect(page.locator("#now")).to_have_text("أنت في الطابور")
    number = await number_of(page)
    assert "#ticket=" in page.url
    await forget()
    await page.get_by_role("button", name="English").click()
    await expect(page.locator("#now")).to_have_text("You are in line")
    assert await number_of(page) == number
    await forget()
    await page.goto("about:blank")
    await page.go_back()
    await expect(page.locator("#now")).to_have_text("You are in line")
    assert await number_of(page) == number
    site.call("leave", inside, OTHERS[1])
    await page.context.close()
