"""With JavaScript the page lives by the public status: it counts on, speaks rarely, and moves nobody."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from playwright.async_api import Page, expect

from queueing.ticket import TicketKeys
from queueing.work import Answered, Asked, WorkOffice
from sadd.web.room_page.view import Place, Work
from tests.pages.conftest import Profiles
from tests.pages.scripted import Scripted, scripted, status
from tests.sadd.web.room_page.scene import ROOM, room
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

NUMBER, PER_MINUTE = 10_042, 100
STEP_MS = 34_000
"""Longer than the longest time between two polls, 33 s."""
HEARD = """() => {
    window.heard = [];
    new MutationObserver(() => window.heard.push([Date.now(), document.getElementById("say").textContent]))
        .observe(document.getElementById("say"), { childList: true, characterData: true, subtree: true });
}"""


async def opened(profiles: Profiles, scene: Scripted, query: str = "?lang=en", **options: Any) -> Page:
    """The page, its clock in our hands."""
    context = await profiles(**options)
    page = await context.new_page()
    await page.clock.install()
    await page.goto(scene.url + query)
    await page.evaluate(HEARD)
    return page


async def step(page: Page, scene: Scripted, ms: int = STEP_MS) -> None:
    """Time passes, and the page has asked at least once."""
    polls = scene.polls
    await page.clock.run_for(ms)
    await eventually(lambda: scene.polls > polls)
    # The answer has come, and what it set going has run.
    await page.evaluate("() => fetch(location.href, { method: 'HEAD' }).then(() => 0)")
    await page.clock.run_for(600)


def bare(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "")


async def test_position_and_wait_count_on(profiles: Profiles) -> None:
    """From the status alone: the page itself is loaded once. The title has what is ahead."""
    async with scripted(status=status(NUMBER - 500, PER_MINUTE)) as scene:
        page = await opened(profiles, scene)
        await step(page, scene)
        assert bare(await page.inner_text("#ahead")) == "499 people"
        assert bare(await page.inner_text("#wait")) == "4 to 6 minutes"
        assert bare(await page.title()) == "499 people ahead of you – Secondary certificate results"
        scene.status = status(NUMBER - 2, PER_MINUTE)
        await step(page, scene)
        assert bare(await page.inner_text("#ahead")) == "1 person"
        assert bare(await page.inner_text("#wait")) == "less than a minute"


async def test_arabic_counts_with_its_plurals(profiles: Profiles) -> None:
    """The same words by the script as by the server."""
    async with scripted() as scene:
        page = await opened(profiles, scene, "?lang=ar")
        speech = room("waiting").speech
        for ahead in (1, 2, 3, 10, 11, 99, 100, 1_002, 1_311):
            scene.status = status(NUMBER - ahead - 1, PER_MINUTE)
            await step(page, scene)
            assert await page.inner_text("#ahead") == speech.plain("ahead", ahead)
            pace = scene.status["pace"]
            low, high = ((ahead + 1) / pace[name] * 60_000 for name in ("high_per_minute", "low_per_minute"))
            assert await page.inner_text("#wait") == speech.interval(int(low), int(high))


async def test_a_screen_reader_hears_the_marks_and_no_more(profiles: Profiles) -> None:
    """Entered, halved, five minutes, one minute, the turn: each once, a minute apart, the turn at once."""
    async with scripted(status=status(NUMBER - 1_600, PER_MINUTE)) as scene:
        page = await opened(profiles, scene)
        for waiting in range(1_600, 0, -PER_MINUTE // 2):
            scene.status = status(NUMBER - waiting, PER_MINUTE)
            await step(page, scene)
        scene.status, scene.state = status(NUMBER, PER_MINUTE), "called"
        await step(page, scene)
        await page.clock.run_for(5_000)
        await expect(page.locator("#now")).to_have_text("It is your turn")
        await page.clock.run_for(1_000)
        heard = [(at, bare(text)) for at, text in await page.evaluate("window.heard")]
        beginnings = ["You have your", "You are half way", "About five", "About one", "It is your turn"]
        assert [text[: len(begin)] for (_, text), begin in zip(heard, beginnings, strict=True)] == beginnings
        times = [at for at, _ in heard[:-1]]
        assert all(later - earlier >= 60_000 for earlier, later in pairwise(times))


async def test_a_reload_says_nothing_again(profiles: Profiles) -> None:
    """Who comes back to the page is not greeted as if he had just joined."""
    async with scripted(status=status(NUMBER - 1_600, PER_MINUTE)) as scene:
        page = await opened(profiles, scene)
        await step(page, scene)
        assert len(await page.evaluate("window.heard")) == 1
        await page.reload()
        await page.evaluate(HEARD)
        await step(page, scene)
        assert await page.evaluate("window.heard") == []


async def test_the_turn_moves_nobody(profiles: Profiles) -> None:
    """The page says so, in its title too; where the visitor is, what he types and has open stays."""
    async with scripted(status=status(NUMBER - 3, PER_MINUTE)) as scene:
        page = await opened(profiles, scene)
        await page.locator("summary").click()
        await page.locator("summary").focus()
        scene.status, scene.state = status(NUMBER, PER_MINUTE), "called"
        await step(page, scene)
        await page.clock.run_for(5_000)
        await expect(page.locator("#now")).to_have_text("It is your turn")
        assert bare(await page.title()) == "It is your turn – Secondary certificate results"
        assert page.url == f"{scene.url}?lang=en"
        assert await page.locator("details").get_attribute("open") is not None
        assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"
        await expect(page.get_by_role("button", name="Enter now")).to_be_visible()
        await expect(page.get_by_role("button", name="I need more time")).to_be_visible()


async def test_the_last_minute_is_told_once(profiles: Profiles) -> None:
    """Early enough to ask for more: a minute before, where WCAG asks for twenty seconds."""
    async with scripted("called") as scene:
        page = await opened(profiles, scene)
        await page.clock.run_for(60_000)
        assert await page.evaluate("window.heard") == []
        assert "1 minute" in bare(await page.inner_text("#until"))
        await page.clock.run_for(60_000)
        assert [text for _, text in await page.evaluate("window.heard")] == [
            "Your time to enter ends soon. You can ask for more."
        ]


async def test_a_pause_is_told_and_ends(profiles: Profiles) -> None:
    """Within a poll, both ways."""
    async with scripted(status=status(NUMBER - 500, PER_MINUTE)) as scene:
        page = await opened(profiles, scene)
        scene.status, scene.state = status(NUMBER - 500, PER_MINUTE, "paused"), "paused"
        await step(page, scene)
        await page.clock.run_for(5_000)
        await expect(page.locator("#now")).to_have_text("The line is paused")
        scene.status, scene.state = status(NUMBER - 500, PER_MINUTE), "waiting"
        await step(page, scene)
        await page.clock.run_for(5_000)
        await expect(page.locator("#now")).to_have_text("You are in line")


async def test_polls_follow_the_distance(profiles: Profiles) -> None:
    """Half a minute far from the front, three seconds near it, and longer while nobody answers."""
    async with scripted(status=status(NUMBER - 5_000, PER_MINUTE)) as scene:
        page = await opened(profiles, scene)
        await step(page, scene)
        far = scene.polls
        for _ in range(10):
            await step(page, scene, 33_000)
        assert scene.polls - far <= 14
        scene.status = status(NUMBER - 2, PER_MINUTE)
        await step(page, scene, 33_000)
        near = scene.polls
        for _ in range(5):
            await step(page, scene, 3_400)
        assert scene.polls - near >= 5


async def test_a_code_from_another_device_waits_for_its_button(profiles: Profiles) -> None:
    """It is in the fragment, fills the form, and is gone from the address: no server has seen it."""
    async with scripted("join") as scene:
        page = await opened(profiles, scene, "?lang=en#code=7KQ2M-4XV9T")
        assert await page.input_value("#code") == "7KQ2M-4XV9T"
        assert page.url == f"{scene.url}?lang=en"


async def test_without_cookies_the_address_keeps_the_ticket(profiles: Profiles) -> None:
    """In its fragment, for a reload; no request has it in its address."""
    place = Place(NUMBER, 500, wait_ms=(300_000, 400_000), ticket="AT_ticket")
    asked: list[str] = []
    async with scripted(place=place, status=status(NUMBER - 501, PER_MINUTE)) as scene:
        page = await opened(profiles, scene)
        page.on("request", lambda request: asked.append(request.url))
        assert page.url == f"{scene.url}?lang=en#ticket=AT_ticket"
        await step(page, scene)
        assert asked
        assert not [url for url in asked if "AT_ticket" in url]


async def test_work_is_done_beside_the_page(profiles: Profiles) -> None:
    """By a worker that the policy lets run; then the button is pressed again, with the answer."""
    office = WorkOffice(TicketKeys("0000000a", {"0000000a": b"t" * 32}), lambda size: b"n" * size)
    asked = Asked(ROOM, "203.0.113.5")
    challenge = office.challenge(asked, 8, 1_000)
    work = Work(challenge.text, challenge.bits, challenge.parts, challenge.plain_after_ms, "join")
    async with scripted("work", work=work) as scene:
        page = await (await profiles()).new_page()
        await page.goto(scene.url)
        await expect(page.locator("#now")).to_have_text("أنت في الطابور")
        (form,) = scene.forms
        assert form["do"] == "join"
        assert isinstance(office.judge(form["work"], asked, 2_000), Answered)


async def test_a_stock_that_will_not_last_is_told(profiles: Profiles) -> None:
    """As soon as the status says that less is left than people are ahead."""
    async with scripted(status=status(NUMBER - 1_311, PER_MINUTE, stock_left=2_000)) as scene:
        page = await opened(profiles, scene)
        await step(page, scene)
        assert scene.loads == 2  # the page, and our own look at it
        await expect(page.locator("#short")).to_be_hidden()
        scene.status = status(NUMBER - 1_311, PER_MINUTE, stock_left=300)
        loads = scene.loads
        await step(page, scene)
        await page.clock.run_for(5_000)
        await eventually(lambda: scene.loads > loads + 1)
        assert replace(room("waiting"), stock_left=300, short=True).short
