"""Everybody can use the waiting room's page: in whatever language, colours and size, on whatever screen."""

import pytest

from sadd.web.room_page.look import Look
from sadd.web.room_page.view import PAGE_STATES, PageState
from tests.pages.axe import findings
from tests.pages.conftest import Profiles
from tests.pages.scripted import scripted

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOOKS = [
    Look("ar"),
    Look("en", theme="dark"),
    Look("ar", contrast="high"),
    Look("en", contrast="high", theme="dark"),
]
TOLD: tuple[PageState, ...] = ("join", "waiting", "called")
"""Between them they have every part of the page; the other states are other words in the same parts."""
OTHERS: tuple[PageState, ...] = ("admitted", "gathered", "away", "work", "unknown")
"""Those that have fewer parts, or a link more."""


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.query({}))
async def test_axe_finds_nothing(profiles: Profiles, look: Look) -> None:
    """In both languages, light, dark and in high contrast, for each part that a page can have."""
    context = await profiles()
    page = await context.new_page()
    async with scripted() as scene:
        for state in TOLD:
            scene.state = state
            await page.goto(f"{scene.url}?{look.query({}, qr=True)}")
            assert await findings(page) == [], state


async def test_axe_finds_nothing_in_other_states(profiles: Profiles) -> None:
    """States that share their parts with those above are looked at once."""
    context = await profiles()
    page = await context.new_page()
    async with scripted() as scene:
        for state in OTHERS:
            scene.state = state
            await page.goto(scene.url)
            assert await findings(page) == [], state


async def test_axe_would_find_something(profiles: Profiles) -> None:
    """A field that lost its label is found: nothing found is not nothing looked at."""
    context = await profiles()
    page = await context.new_page()
    async with scripted("join") as scene:
        await page.goto(scene.url)
        await page.evaluate("document.querySelector('label').remove()")
        assert any(found.startswith("label: ") for found in await findings(page))


@pytest.mark.parametrize("lang", ["ar", "en"])
async def test_nothing_is_lost_on_a_narrow_screen_with_large_text(profiles: Profiles, lang: str) -> None:
    """320 px wide at twice the size: no line runs out of the screen, to either side (WCAG 1.4.4, 1.4.10)."""
    context = await profiles(viewport={"width": 320, "height": 640})
    page = await context.new_page()
    async with scripted() as scene:
        for state in PAGE_STATES if lang == "ar" else TOLD:
            scene.state = state
            await page.goto(f"{scene.url}?lang={lang}&size=200&qr=1")
            root = "document.scrollingElement"
            assert await page.evaluate(f"{root}.scrollWidth") <= 320, state
            inside = """[...document.querySelectorAll("main *, header *, footer *")].every((e) => {
                const box = e.getBoundingClientRect();
                return e.closest(".vh, details:not([open]), [hidden]") || (box.left >= 0 && box.right <= 320);
            })"""
            assert await page.evaluate(inside), state


async def test_the_text_grows_with_the_control_and_the_browser(profiles: Profiles) -> None:
    """Twice the size is twice the size, of all text."""
    context = await profiles()
    page = await context.new_page()
    sizes = """['h1', 'dd', 'button', 'li'].map((e) =>
        parseFloat(getComputedStyle(document.querySelector(e)).fontSize))"""
    async with scripted() as scene:
        await page.goto(scene.url)
        usual = await page.evaluate(sizes)
        await page.goto(f"{scene.url}?size=200")
        assert await page.evaluate(sizes) == [2 * size for size in usual]


async def test_arabic_runs_from_right_to_left(profiles: Profiles) -> None:
    """The agency stands to the right of the language's link; the code runs from left to right inside."""
    context = await profiles()
    page = await context.new_page()
    async with scripted() as scene:
        await page.goto(scene.url)
        agency = await page.locator(".agency").bounding_box()
        link = await page.locator("nav a").bounding_box()
        assert agency is not None
        assert link is not None
        assert agency["x"] > link["x"]
        assert await page.locator("#own").get_attribute("dir") == "ltr"


async def test_a_page_asks_nobody_else(profiles: Profiles) -> None:
    """One answer is the whole page; its policy finds nothing to refuse; nothing refreshes by itself."""
    context = await profiles(java_script_enabled=False)
    page = await context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    async with scripted() as scene:
        answer = await page.goto(scene.url)
        assert answer is not None
        assert [url for url in asked if not url.startswith("data:")] == [scene.url]
        assert said == []
        assert "refresh" not in await answer.all_headers()
        await page.locator("footer .plain a").click()
        again = await page.reload()
        assert again is not None
        assert (await again.all_headers())["refresh"] == "30"
