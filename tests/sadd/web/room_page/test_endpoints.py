"""The page over HTTP: places kept, forms of other sites refused, and a store that is away."""

import html
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import jwt
import pytest
import structlog

from queueing.activation import Scheduled
from queueing.work import Challenge, solve
from sadd.catalogue.model import Name
from sadd.rooms.written import Bots
from sadd.web.room_page.speech import Speech
from tests.sadd.web.room_page.rooms import PATH, Browser, Scene, room_page
from tests.sadd.web.scene import CLINIC, RESULTS, catalogue
from tests.stores import stoppable_valkey
from tests.waiting import eventually

ORIGIN = catalogue().services[RESULTS].origin


@pytest.fixture
async def scene(valkey_url: str) -> AsyncIterator[Scene]:
    async with room_page(valkey_url) as made:
        yield made


async def inside(scene: Scene) -> Browser:
    """Somebody is in, so that whoever comes waits."""
    first = Browser(scene)
    await first.get()
    assert (await first.press("join")).status == 303
    await eventually(lambda: _heading(first, "You may enter"))
    return first


async def _heading(browser: Browser, heading: str) -> bool:
    if (await browser.get()).heading == "It is your turn":
        await browser.press("claim")
    return (await browser.get()).heading == heading


async def joined(scene: Scene) -> Browser:
    browser = Browser(scene)
    await browser.get()
    got = await browser.press("join")
    assert (got.status, got.headers["Location"]) == (303, f"{PATH}?lang=en")
    return browser


async def test_nobody_waits_and_is_in_at_once(scene: Scene) -> None:
    """The first answer leads to the service, with a pass that is good for this room."""
    browser = Browser(scene)
    await browser.get()
    path = f"{PATH}?service={RESULTS}&path=/results%3Fid%3D7"
    got = await browser.press("join", path)
    assert got.status == 303
    onward = got.headers["Location"]
    assert onward.startswith(f"{ORIGIN}/results?id=7&sadd_pass=")
    (shown,) = parse_qs(urlsplit(onward).query)["sadd_pass"]
    assert jwt.decode(shown, options={"verify_signature": False})["aud"] == RESULTS


async def test_a_place_is_kept(scene: Scene) -> None:
    """A second join, another language, another look: one number."""
    await inside(scene)
    browser = await joined(scene)
    first = await browser.get(f"{PATH}?lang=en")
    assert first.heading == "You are in line"
    await browser.press("join")
    again = await browser.get(f"{PATH}?lang=ar&size=200&contrast=high")
    assert again.heading == "أنت في الطابور"
    numbers = [
        re.findall(r"رقمك</dt><dd><bdi>(\d+)|Your number</dt><dd><bdi>(\d+)", page.text)
        for page in (first, again)
    ]
    assert {"".join(pair) for (pair,) in numbers} == {"2"}


async def test_a_browser_without_cookies(scene: Scene) -> None:
    """Its forms carry the ticket; the same form sent again is the same join."""
    await inside(scene)
    browser = Browser(scene, keeps=False)
    once = (await browser.get()).hidden("once")
    first, again = await browser.press("join", once=once), await browser.press("join", once=once)
    assert (first.status, first.heading) == (200, "You are in line")
    assert first.hidden("ticket") == again.hidden("ticket") != ""
    other = await browser.press("check", f"{PATH}?lang=ar", ticket=first.hidden("ticket"))
    assert other.heading == "أنت في الطابور"
    left = await browser.press("leave", ticket=first.hidden("ticket"))
    assert left.heading == "You have left the line"


async def test_a_code_brings_the_place(scene: Scene) -> None:
    """A wrong one is told beside its field, which keeps what was typed."""
    await inside(scene)
    browser = await joined(scene)
    code = re.search(r'id="own">([^<]+)<', (await browser.get()).text)
    assert code is not None
    other = Browser(scene)
    wrong = await other.press("resume", code="no such code")
    assert (wrong.status, "This is no code of this room" in wrong.fault) == (422, True)
    assert 'value="no such code"' in wrong.text
    await other.get()
    got = await other.press("resume", code=code[1])
    assert got.status == 303
    assert (await other.get()).heading == "You are in line"


async def test_the_turn(scene: Scene) -> None:
    """Called when the one inside has left; more time on request; then to the service."""
    first = await inside(scene)
    browser = await joined(scene)
    full = await browser.press("claim")
    assert full.status == 303  # not his turn: the page says how things stand
    await first.press("leave")

    async def called() -> bool:
        return (await browser.get()).heading == "It is your turn"

    await eventually(called)
    assert (await browser.press("extend")).status == 303
    got = await browser.press("claim")
    assert got.headers["Location"].startswith(f"{ORIGIN}/?sadd_pass=")
    # Back by the back button: the way in is still there.
    assert "sadd_pass=" in (await browser.get()).text


@pytest.mark.parametrize("word", ["join", "claim", "leave", "extend", "resume", "check"])
async def test_a_form_of_another_site_does_nothing(scene: Scene, word: str) -> None:
    """By what the browser says of it; the page tells, and the place is as it was."""
    await inside(scene)
    browser = await joined(scene)
    for headers in ({"site": "cross-site"}, {"site": "same-site"}):
        got = await browser.press(word, **headers)
        assert got.status == 403
        assert "came from another site" in got.fault
    assert (await browser.get()).heading == "You are in line"


@pytest.mark.parametrize(("origin", "status"), [("https://evil.example", 403), ("null", 403), ("here", 303)])
async def test_an_older_browser_says_its_origin(scene: Scene, origin: str, status: int) -> None:
    """Where it does not say the site, the origin must be this host."""
    await inside(scene)
    own = f"http://127.0.0.1:{scene.server.port}"
    browser = Browser(scene, Origin=own if origin == "here" else origin)
    await browser.get()
    browser._headers["Host"] = own.removeprefix("http://")
    got = await browser._ask("POST", PATH, {"do": "join"}, {})
    assert got.status == status


async def test_every_guard_is_there(scene: Scene) -> None:
    """Each header by which a browser protects its user, and no refresh."""
    got = await Browser(scene).get()
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["X-Frame-Options"] == "DENY"
    assert got.headers["Referrer-Policy"] == "same-origin"
    assert got.headers["Cache-Control"] == "no-store"
    assert got.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert got.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "max-age" in got.headers["Strict-Transport-Security"]
    assert "camera=()" in got.headers["Permissions-Policy"]
    policy = got.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert f"form-action 'self' {ORIGIN};" in policy
    assert "Refresh" not in got.headers


async def test_cookies_are_for_this_room_alone(scene: Scene) -> None:
    """Not for scripts, not for other sites, not without TLS."""
    await inside(scene)
    browser = Browser(scene)
    await browser.get()
    client = scene.server.client
    async with client.post(
        PATH, data={"do": "join"}, headers={"Cookie": "sadd_keeps=1"}, allow_redirects=False
    ) as answer:
        (line,) = [one for one in answer.headers.getall("Set-Cookie") if one.startswith("sadd_ticket=")]
    assert re.fullmatch(rf"sadd_ticket=\S+; Max-Age=\d+; Path={PATH}; Secure; HttpOnly; SameSite=Lax", line)


async def test_a_refresh_is_switched_on(scene: Scene) -> None:
    """By the address, at the one interval that there is."""
    await inside(scene)
    browser = await joined(scene)
    assert (await browser.get(f"{PATH}?auto=30")).headers["Refresh"] == "30"
    assert "Refresh" not in (await browser.get(f"{PATH}?auto=1")).headers


async def test_links_of_others_may_add_parameters(scene: Scene) -> None:
    """What we do not know is let be; what leads elsewhere is not taken."""
    got = await Browser(scene).get(f"{PATH}?utm_source=x&service={CLINIC}&path=//evil.example&lang=fr")
    assert got.status == 200
    assert "evil.example/" not in got.text.replace("/evil.example", "")
    assert CLINIC not in got.text


async def test_the_gate_says_why_it_sent_somebody_back(scene: Scene) -> None:
    """The page repeats it in words."""
    assert "has been used before" in (await Browser(scene).get(f"{PATH}?pass=spent")).fault
    assert "was not accepted" in (await Browser(scene).get(f"{PATH}?pass=invalid")).fault


async def test_a_stale_cookie_costs_nobody_the_page(scene: Scene) -> None:
    """A ticket that is none is told, and the line is open."""
    browser = Browser(scene)
    browser.cookies["sadd_ticket"] = "no-ticket"
    got = await browser.get()
    assert (got.status, got.heading) == (200, "You are not in line yet")
    assert "did not recognise your place" in got.fault


async def test_a_room_that_there_is_not(scene: Scene) -> None:
    """404 as a page, in the reader's language."""
    got = await Browser(scene, lang="ar").get("/queue/nowhere")
    assert (got.status, got.heading) == (404, "لا توجد قاعة انتظار بهذا العنوان")


async def test_a_closed_room(scene: Scene) -> None:
    """Says so, with the agency's message; no number is given out."""
    scene.specs.change(room={"method": "closed"}, message=Name(ar="نعود غدًا", en="Back tomorrow"))
    browser = Browser(scene)
    got = await browser.get()
    assert got.heading == "This service is closed for now"
    assert "Back tomorrow" in got.text
    assert 'value="join"' not in got.text
    assert (await browser.press("join")).heading == "This service is closed for now"


async def test_a_paused_room(scene: Scene) -> None:
    """Who waits is told within two seconds."""
    await inside(scene)
    browser = await joined(scene)
    scene.specs.change(room={"suspended": True})
    await eventually(lambda: _heading(browser, "The line is paused"))


async def test_digits_and_lanes_are_the_rooms(scene: Scene) -> None:
    """A room that writes Arabic-Indic digits writes them on its page."""
    scene.specs.change(digits="arab")
    await inside(scene)
    browser = await joined(scene)
    assert "رقمك</dt><dd><bdi>٢</bdi>" in (await browser.get(f"{PATH}?lang=ar")).text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"do=join&" * 20, "application/x-www-form-urlencoded", 400),
        ("do=ك".encode(), "application/x-www-form-urlencoded", 400),
        (b"do=" + b"x" * 9_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_what_is_no_form(scene: Scene, body: bytes, kind: str, status: int) -> None:
    """Refused as a problem, whatever it is."""
    headers = {"Content-Type": kind, "Sec-Fetch-Site": "same-origin"}
    async with scene.server.client.post(PATH, data=body, headers=headers) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"


async def test_an_unknown_button_shows_the_page(scene: Scene) -> None:
    """It does nothing."""
    assert (await Browser(scene).press("drop table")).heading == "You are not in line yet"


async def test_the_store_is_away(tmp_path: Path) -> None:
    """The page says so with 503, shows the code, and takes nothing away; afterwards the place is there."""
    with stoppable_valkey(tmp_path) as valkey:
        async with room_page(valkey.url, deadline_ms=2_000) as scene:
            await inside(scene)
            browser = await joined(scene)
            before = await browser.get()
            code = re.search(r'id="own">([^<]+)<', before.text)
            assert code is not None
            valkey.stop()

            async def told() -> bool:
                got = await browser.get()
                return got.status == 503 and got.heading == "One moment please"

            await eventually(told)
            got = await browser.press("check")
            assert (got.status, got.headers["Retry-After"]) == (503, "15")
            assert code[1] in got.text
            assert (await Browser(scene).press("join")).status == 503
            valkey.start()
            await eventually(lambda: _heading(browser, "You are in line"))


async def test_nothing_of_a_visitor_is_logged(scene: Scene) -> None:
    """No ticket, code, path or address, whatever goes wrong."""
    with structlog.testing.capture_logs() as logged:
        await inside(scene)
        browser = await joined(scene)
        await browser.get(f"{PATH}?path=/secret-28512345678")
        await browser.press("resume", code="SECRET-CODE")
        scene.specs.change(template="{% extends 'room.html' %}{% block intro %}{{ no }}{% endblock %}")
        await browser.get()
    said = str(logged)
    assert "a room's template failed" in said
    for secret in (browser.cookies["sadd_ticket"], "secret-28512345678", "SECRET-CODE", "127.0.0.1"):
        assert secret not in said


async def test_work_before_a_join(valkey_url: str) -> None:
    """The page asks for it, with a script and without; who meets it is in line, who comes early waits on."""
    async with room_page(valkey_url, door=True) as scene:
        await inside(scene)
        scene.specs.change(bots=Bots(proof_of_work="always"))
        browser = Browser(scene)
        await browser.get()
        asked = await browser.press("join")
        assert (asked.status, asked.heading) == (200, "A short check")
        text = html.unescape(asked.hidden("work"))
        assert f'"work":{{"text":"{text}","bits":8,"parts":8}}' in asked.text
        early = await browser.press("join", work=text)
        assert "It is not time yet" in early.fault
        assert early.hidden("work") == text
        shown = solve(Challenge(text, 8, 8, 300_000, 5_000))
        assert (await browser.press("join", work=shown)).status == 303
        assert (await browser.get()).heading == "You are in line"

        patient = Browser(scene)
        await patient.get()
        text = (await patient.press("join")).hidden("work")
        scene.now[0] += 30
        assert (await patient.press("join", work=text)).status == 303
        assert (await patient.get()).heading == "You are in line"


async def test_before_the_opening(scene: Scene) -> None:
    """A room that is shut until then says when; one where people gather gives numbers, and calls nobody."""
    opens_at_ms = int(time.time() * 1000) + 3_600_000
    activation = Scheduled(opens_at_ms, gathers_at_ms=0, outside="closed")
    scene.specs.change(room={"method": "closed"}, mode="closed", activation=activation)
    browser = Browser(scene)
    got = await browser.get()
    assert (got.heading, 'value="join"' in got.text) == ("It is not open yet", False)
    assert Speech("en", "latn", ZoneInfo("Asia/Qatar")).day(opens_at_ms) in got.text

    scene.specs.change(room={"method": "fifo", "suspended": True}, mode="gathering")
    await eventually(lambda: _heading(browser, "You are not in line yet"))
    assert "numbers are given out already" in (await browser.get()).text
    assert (await browser.press("join")).status == 303
    assert (await browser.get()).heading == "You have your place, it is not open yet"


async def test_a_stock_that_is_used_up(scene: Scene) -> None:
    """Told early to who will come too late, and at the end to all; the one inside stays."""
    scene.specs.change(room={"stock": 2})
    first = await inside(scene)
    late = [await joined(scene) for _ in range(2)][-1]

    async def told() -> bool:
        return 'class="warn">Only one is left, and' in (await late.get()).text

    await eventually(told)
    scene.specs.change(room={"stock": 1})
    await eventually(lambda: _heading(late, "Nothing is left"))
    assert (await first.get()).heading == "You may enter"
