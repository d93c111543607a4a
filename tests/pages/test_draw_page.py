"""The draw's page in a real Chromium: the browser comes to the same place by itself, or says that not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace
from playwright.async_api import Page, expect

from queueing.draw.document import Beacon, Draw, Proof, Published
from queueing.draw.seed import seed_of
from queueing.draw.verification import randomness_of
from sadd.web.draw_page.page import DrawView, render, texts
from tests.pages.axe import findings
from tests.pages.conftest import Profiles
from tests.queueing.draw.chain import drawn, entries_of, proof_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRUE = drawn(entries_of(2_501, room="نتائج"), room="نتائج", base=70)
PROOF = proof_of(TRUE, 2_500)
"""The last of an odd number: its way to the root skips levels."""


@asynccontextmanager
async def shown(proof: Proof | None, draw: Draw = TRUE.draw) -> AsyncIterator[str]:
    """The page on a port of its own; ``?lang=`` chooses the language."""

    async def answer(request: web.Request) -> web.Response:
        lang: Any = request.query.get("lang", "ar")
        rendered = render(DrawView(lang, "نتائج الثانوية", "/v1/queues/x/draw", draw, proof))
        headers = {"Content-Security-Policy": rendered.policy}
        return web.Response(text=rendered.html, content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_get("/draw", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/draw"
    finally:
        await runner.cleanup()


async def _told(page: Page, proof: Proof, told: str) -> None:
    async with shown(proof, proof.draw) as url:
        await page.goto(f"{url}?lang=en")
        await expect(page.locator("#browser")).to_have_text(texts("en")[told])


def _by_statement() -> Proof:
    draw = replace(TRUE.draw, beacon=Beacon("statement", 5, source="اليانصيب 88", text="07 11 ٢٣"))
    seed = seed_of(draw.room, draw.draw, draw.count, bytes.fromhex(draw.root), randomness_of(draw.beacon))
    return proof_of(Published(replace(draw, seed=seed.hex()), TRUE.entries), 17)


async def test_the_browser_recomputes_a_place_and_confirms_it(profiles: Profiles) -> None:
    """The browser recomputes a place and confirms it."""
    page = await (await profiles()).new_page()

    for proof in (PROOF, proof_of(TRUE, 0), proof_of(TRUE, 1_024), _by_statement()):
        await _told(page, proof, "browser_good")


async def test_the_browser_says_when_the_server_tells_another_place(profiles: Profiles) -> None:
    """The browser says when the server tells another place."""
    page = await (await profiles()).new_page()
    doctored = (
        replace(PROOF, place=(PROOF.place + 1) % 2_501),
        replace(PROOF, number=PROOF.number + 1),
        replace(PROOF, index=3),
        replace(PROOF, entry="00" * 32),
        replace(PROOF, path=PROOF.path[:-1]),
        replace(PROOF, draw=replace(PROOF.draw, seed="00" * 32)),
        replace(PROOF, draw=replace(PROOF.draw, root="00" * 32)),
    )

    for proof in doctored:
        await _told(page, proof, "browser_bad")


async def test_without_javascript_the_server_says_each_step(profiles: Profiles) -> None:
    """Without JavaScript the server says each step."""
    page = await (await profiles(java_script_enabled=False)).new_page()
    async with shown(PROOF) as url:
        await page.goto(url)

        await expect(page.locator("li.good")).to_have_count(5)
        await expect(page.locator("#browser")).to_have_text(texts("ar")["by_server"])


@pytest.mark.parametrize("lang", ["ar", "en"])
async def test_axe_finds_nothing_and_nothing_runs_out_of_a_narrow_screen(
    profiles: Profiles, lang: str
) -> None:
    """Axe finds nothing and nothing runs out of a narrow screen."""
    page = await (await profiles(viewport={"width": 320, "height": 640})).new_page()
    for proof in (PROOF, None):
        async with shown(proof) as url:
            await page.goto(f"{url}?lang={lang}")
            assert await findings(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
