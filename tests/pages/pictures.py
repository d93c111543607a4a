"""Takes the pictures of docs/waiting-room.md: ``python -m tests.pages.pictures``."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import async_playwright

from sadd.web.room_page.look import Look
from sadd.web.room_page.sample import NOW_MS
from sadd.web.room_page.view import PageState
from tests.pages.conftest import CHROMIUM, PHONE
from tests.pages.scripted import scripted

FOLDER = Path(__file__).parents[2] / "docs/images"


@dataclass(frozen=True)
class Picture:
    name: str
    state: PageState
    look: Look
    width: int = 360


PICTURES = (
    Picture("join-ar", "join", Look("ar")),
    Picture("waiting-ar", "waiting", Look("ar", qr=True)),
    Picture("called-ar-dark", "called", Look("ar", theme="dark")),
    Picture("waiting-en", "waiting", Look("en")),
    Picture("gathered-en-contrast", "gathered", Look("en", contrast="high")),
    Picture("paused-ar-200", "paused", Look("ar", size="200"), width=320),
)


async def main() -> None:
    async with async_playwright() as playwright, scripted() as scene:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM)
        for picture in PICTURES:
            scene.state = picture.state
            viewport = {**PHONE["viewport"], "width": picture.width}
            context = await browser.new_context(**{**PHONE, "viewport": viewport})
            page = await context.new_page()
            await page.clock.install(time=NOW_MS / 1000)
            await page.goto(f"{scene.url}?{picture.look.query({})}")
            await page.screenshot(path=FOLDER / f"waiting-room-{picture.name}.png", full_page=True)
            await context.close()
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
