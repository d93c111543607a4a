"""A visitor of a site with Queue-it's own connector, in a real Chromium: sent away, in line, back.

The site runs the connector in Node, the platform its rooms; before both stands TLS, since connectors send
visitors to https addresses only.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.pages.axe import findings
from tests.pages.conftest import CHROMIUM, PHONE
from tests.sadd.queueit.conftest import (
    HOST,
    QUEUE,
    RESULTS,
    SETTINGS,
    Platform,
    RunningSite,
    modules,
    platform,
    site,
)
from tests.sadd.valkey.fleet import write_certificate
from tests.waiting import eventually

__all__ = ["modules", "site"]  # fixtures

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVICE = f"https://{HOST}/2027?seat=1234"
ROOM = re.compile(rf"https://{re.escape(QUEUE)}/queue/{RESULTS}\?")
Site = Callable[[bytes, str], RunningSite]


@asynccontextmanager
async def tls(port: int, folder: Path) -> AsyncIterator[int]:
    """TLS before a plain port; the port that speaks it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*write_certificate(folder))

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while more := await reader.read(65_536):
                writer.write(more)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


@asynccontextmanager
async def a_phone(ports: dict[str, int], *, java_script_enabled: bool) -> AsyncIterator[Page]:
    """Chromium that finds both hosts here, as a small phone that asks for Arabic."""
    hosts = ", ".join(f"MAP {host}:443 127.0.0.1:{port}" for host, port in ports.items())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[f"--host-resolver-rules={hosts}"]
        )
        context = await browser.new_context(
            **PHONE, java_script_enabled=java_script_enabled, ignore_https_errors=True
        )
        context.set_default_timeout(30_000)
        yield await context.new_page()
        await browser.close()


async def join(made: Platform) -> str:
    """Somebody else takes the only slot; his ticket."""
    async with made.server.client.post(f"/v1/queues/{RESULTS}/tickets") as answer:
        told = await answer.json()
        assert told["state"] == "admitted", told
        return str(told["ticket"])


async def leave(made: Platform, ticket: str) -> None:
    headers = {"Sadd-Ticket": ticket}
    async with made.server.client.post(f"/v1/queues/{RESULTS}/leave", headers=headers) as answer:
        assert answer.status == 200


@pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is missing (tests/system-packages.sh installs it as root)"
)
@pytest.mark.parametrize("script", [False, True])
async def test_through_the_room_and_back(
    valkey_url: str, migrated_database_url: str, site: Site, tmp_path: Path, script: bool
) -> None:
    """The site's page is reached by the connector's token, with JavaScript and without, and stays so."""
    async with AsyncExitStack() as opened:
        made = await opened.enter_async_context(platform(valkey_url, migrated_database_url, SETTINGS))
        async with made.server.client.get("/queueit/status/integrationconfig/moehe") as answer:
            running = site(await answer.read(), made.connection.secret)
        ports = {QUEUE: made.server.port, HOST: running.port}
        for host, port in ports.items():
            ports[host] = await opened.enter_async_context(tls(port, tmp_path))
        inside = await join(made)
        page = await opened.enter_async_context(a_phone(ports, java_script_enabled=script))
        await page.goto(SERVICE)
        await expect(page).to_have_url(ROOM)
        await take_a_number(page)
        await leave(made, inside)
        await called(page, script=script)
        await page.get_by_role("button", name="ادخل الآن").click()
        await expect(page).to_have_url(SERVICE)
        await expect(page.locator("h1")).to_have_text("The service")
        await page.goto(SERVICE)
        await expect(page).to_have_url(SERVICE)
        # Sent away once more with a token that was refused: the page says why, in both languages.
        await page.goto(f"https://{QUEUE}/queueit/error/timestamp/?c=moehe&e={RESULTS}&t={SERVICE}")
        await expect(page.locator("h1").first).to_have_text("انتهت صلاحية الرابط")
        if script:
            assert await findings(page) == []


async def take_a_number(page: Page) -> None:
    """Unless the first look brought one, because nobody waited."""
    button = page.get_by_role("button", name="خذ رقمًا")
    if await button.count():
        await button.click()
    await expect(page.locator("#now")).to_have_text("أنت في الطابور")


async def called(page: Page, *, script: bool) -> None:
    """The turn comes: by itself, or when the button is pressed."""
    now = page.locator("#now")
    if script:
        await expect(now).to_have_text("جاء دورك")
        return

    async def looked() -> bool:
        async with page.expect_navigation():
            await page.get_by_role("button", name="اعرف مكانك الآن").click()
        return await now.inner_text() == "جاء دورك"

    await eventually(looked)
