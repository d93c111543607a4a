"""Who gets in, for how long, and whose forms do anything."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sadd.identity.record import KeyWish
from sadd.identity.store import KeyStore
from sadd.web.operator.door import COOKIE, SIGN_INS
from tests.sadd.web.operator.scene import Browser, Scene, scene, token_in
from tests.stores import stoppable_valkey

ROOMS = "/operator/queues"


async def test_nobody_sees_anything_without_signing_in(browser: Browser) -> None:
    """Every page is the form instead."""
    for path in ("/operator", ROOMS, f"{ROOMS}/moehe-results", f"{ROOMS}/no-such-room"):
        status, text = await browser.get(path)
        assert (status, 'name="key"' in text) == (200, True)
    status, text = await browser.send(f"{ROOMS}/moehe-results/apply", lever="pause", token="x")
    assert 'name="key"' in text


async def test_a_key_of_the_scope_opens(browser: Browser, page: Scene) -> None:
    """And is nowhere on the page, in its address or in the cookie after that; its public prefix is."""
    status, text = await browser.sign_in()
    assert status == 200
    assert "Waiting rooms" in text
    key = page.keys["operator"]
    secret, prefix = key.rpartition("_")[2], key.split("_")[1]
    assert secret not in text + str(browser.cookies)
    assert prefix in text


async def test_the_cookie_is_for_this_site_alone(page: Scene) -> None:
    """Not for scripts, not over plain HTTP, not along with requests from other sites."""
    form = {"key": page.keys["operator"]}
    async with page.served.client.post(
        "/operator/sign-in", data=form, headers={"Origin": page.url}, allow_redirects=False
    ) as answer:
        [line] = answer.headers.getall("Set-Cookie")
    assert line.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= {part.strip() for part in line.split(";")}
    assert "domain" not in line.lower()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "not in force"),
        ("sadd_aaaaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "not in force"),
        ("a\r\nb", "not in force"),
        ("ـ" * 200, "not in force"),
    ],
)
async def test_another_key_does_not(browser: Browser, key: str, said: str) -> None:
    """The form says so, and gives no cookie."""
    status, text = await browser.send("/operator/sign-in", key=key)
    assert (status, said in text, browser.cookies) == (403, True, {})
    assert 'aria-invalid="true"' in text


async def test_a_key_without_the_scope_does_not(browser: Browser) -> None:
    """It says which scope is missing."""
    status, text = await browser.sign_in("weak")
    assert (status, "queues:admin" in text, browser.cookies) == (403, True, {})


async def test_tries_are_limited_by_address(browser: Browser) -> None:
    """After ten in a minute even the right key waits, and the answer says how long."""
    for _ in range(SIGN_INS.limit):
        assert (await browser.send("/operator/sign-in", key="wrong"))[0] == 403
    assert (await browser.sign_in())[0] == 429


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_a_form_of_another_site_signs_nobody_in(
    browser: Browser, page: Scene, origin: str | None
) -> None:
    """Nor does one that says nothing of where it is from."""
    status, _ = await browser.send("/operator/sign-in", origin=origin, key=page.keys["operator"])
    assert (status, browser.cookies) == (403, {})


async def test_what_the_browser_says_of_the_site_counts_more(page: Scene) -> None:
    """Behind a proxy that changes the host the origin differs; ``Sec-Fetch-Site`` still tells."""
    form = {"key": page.keys["operator"]}
    statuses = {}
    for site in ("same-origin", "same-site", "cross-site", "none"):
        headers = {"Origin": "https://front.example", "Sec-Fetch-Site": site}
        async with page.served.client.post(
            "/operator/sign-in", data=form, headers=headers, allow_redirects=False
        ) as answer:
            statuses[site] = answer.status
    assert statuses == {"same-origin": 303, "same-site": 403, "cross-site": 403, "none": 403}


async def test_a_form_without_the_sessions_token_does_nothing(browser: Browser) -> None:
    """Nor with another session's: the rooms stay, and so does the session."""
    await browser.sign_in()
    other = token_in((await browser.get(ROOMS))[1])
    await browser.sign_in()
    for token in ("", "x", other, "é"):
        assert (await browser.send("/operator/sign-out", token=token))[0] == 403
    assert 'name="key"' not in (await browser.get(ROOMS))[1]


async def test_signing_out_ends_the_session(browser: Browser) -> None:
    """Also for who kept the cookie."""
    _, text = await browser.sign_in()
    kept = dict(browser.cookies)
    _, text = await browser.send("/operator/sign-out", token=token_in(text))
    assert 'name="key"' in text
    browser.cookies = kept
    assert 'name="key"' in (await browser.get(ROOMS))[1]


async def test_signing_in_again_ends_the_session_before(browser: Browser) -> None:
    """A new id each time, so nobody can plant one."""
    await browser.sign_in()
    kept = dict(browser.cookies)
    await browser.sign_in()
    assert browser.cookies != kept
    browser.cookies = kept
    assert 'name="key"' in (await browser.get(ROOMS))[1]


async def test_a_revoked_key_ends_its_sessions(browser: Browser, page: Scene) -> None:
    """With the next look at the page."""
    await browser.sign_in()
    await page.revoke("operator")
    assert 'name="key"' in (await browser.get(ROOMS))[1]


async def test_pages_run_only_our_files(page: Scene) -> None:
    """No inline script or style, no other site, no frame, nothing kept by the browser."""
    async with page.served.client.get("/operator/sign-in") as answer:
        policy, text = answer.headers["Content-Security-Policy"], await answer.text()
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "unsafe" not in policy
    assert {"default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'"} <= {
        part.strip() for part in policy.split(";")
    }
    assert "style=" not in text
    assert "<style" not in text


async def test_a_body_that_is_no_form_does_nothing(page: Scene) -> None:
    """JSON, rubbish, a thousand fields: as if the key were missing. Too long a body is refused unread."""
    headers = {"Origin": page.url}
    for data, media_type in (
        (b'{"key": "x"}', "application/json"),
        (b"\xff\xfe=%ff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=b" for _ in range(1000)), "application/x-www-form-urlencoded"),
    ):
        async with page.served.client.post(
            "/operator/sign-in", data=data, headers={**headers, "Content-Type": media_type}
        ) as answer:
            assert answer.status == 403
    async with page.served.client.post(
        "/operator/sign-in", data=b"key=" + b"a" * 20_000, headers=headers
    ) as answer:
        assert answer.status == 413


async def test_the_files_of_the_page_are_served(page: Scene) -> None:
    """With a tag, so that a second look costs no bytes; nothing else of that folder is."""
    async with page.served.client.get("/operator/static/uplot.js") as answer:
        assert (answer.status, answer.content_type) == (200, "text/javascript")
        tag = answer.headers["ETag"]
    async with page.served.client.get("/operator/static/uplot.js", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
    for name in ("no.js", "..%2fdoor.py", "%2e%2e"):
        async with page.served.client.get(f"/operator/static/{name}") as answer:
            assert answer.status == 404


async def test_a_key_that_was_made_a_moment_ago_opens(browser: Browser, page: Scene) -> None:
    """Before this worker was told of it."""
    wish = KeyWish("moehe", frozenset({"queues:admin"}))
    page.keys["fresh"] = (await KeyStore(page.pool).create(wish, datetime.now(UTC)))[0].text
    status, text = await browser.sign_in("fresh")
    assert (status, "Waiting rooms" in text, 'name="key"' in text) == (200, True, False)


async def test_without_the_store_nobody_knows_who_is_signed_in(
    tmp_path: Path, migrated_database_url: str
) -> None:
    """It is said so, with 503: nobody is taken for signed out, or in; signing in must wait."""
    with stoppable_valkey(tmp_path) as server:
        async with scene(server.url, migrated_database_url) as page:
            browser = Browser(page)
            await browser.sign_in()
            server.stop()
            for status, text in (
                await browser.get(ROOMS),
                await browser.get("/operator/sign-in"),
                await browser.sign_in(),
                await browser.send(f"{ROOMS}/moehe-results/apply", lever="pause", token="x"),
            ):
                assert (status, "The store does not answer" in text) == (503, True)
