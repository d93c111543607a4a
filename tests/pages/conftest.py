"""One Chromium for the run; each test has fresh profiles of its own in it.

Playwright's asynchronous side, on one event loop for the whole run: the other side leaves its loop running
between tests, where the ``asyncio.run`` of other fixtures then fails. Tests of pages therefore say
``pytestmark = pytest.mark.asyncio(loop_scope="session")``.
"""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

CHROMIUM = shutil.which("chromium")
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "locale": "ar"}
"""A small phone that asks for Arabic."""

expect.set_options(timeout=30_000)  # milliseconds; of a machine that does much else

Profiles = Callable[..., Awaitable[BrowserContext]]
"""``await profiles(java_script_enabled=False, ...)``: a visitor's browser with no cookies yet."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is missing (tests/system-packages.sh installs it as root)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def profiles(chromium: Browser) -> AsyncIterator[Profiles]:
    """Makes profiles: a small phone in Arabic, unless the test says otherwise. Closed at its end."""
    async with AsyncExitStack() as opened:

        async def profile(**options: Any) -> BrowserContext:
            context = await chromium.new_context(**{**PHONE, **options})
            context.set_default_timeout(30_000)
            opened.push_async_callback(context.close)
            return context

        yield profile
