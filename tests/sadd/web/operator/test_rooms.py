"""What an operator sees of rooms, and what pulling a lever does: shown first, done once, recorded."""

import time

import pytest

from queueing.standing import Standing
from sadd.rooms import store
from sadd.rooms.written import RoomSettings
from tests.sadd.web.operator.scene import (
    CLINIC,
    RESULTS,
    Browser,
    Scene,
    hidden_in,
    samples,
    token_in,
)

ROOMS = "/operator/queues"
PAGE = f"{ROOMS}/{RESULTS}"


def now_ms() -> int:
    return int(time.time() * 1000)


async def fill(page: Scene) -> Standing:
    """People come until one waits; an hour's samples are there."""
    for sample in samples(now_ms()):
        await page.history.append(RESULTS, sample)
    await page.history.note_live([RESULTS], now_ms())
    while (standing := await page.rooms.join(page.room)).state != "waiting":
        pass
    return standing


async def previewed(browser: Browser, lever: str, **fields: str) -> tuple[int, str]:
    _, text = await browser.get(PAGE)
    return await browser.send(f"{PAGE}/preview", lever=lever, token=token_in(text), **fields)


async def applied(browser: Browser, preview: str, **changes: str) -> tuple[int, str]:
    """The second form, as the preview has it."""
    names = ("token", "seen", "lever", "outflow_per_minute", "active_cap", "method")
    form = {name: hidden_in(preview, name) for name in names if f'name="{name}" value="' in preview}
    return await browser.send(f"{PAGE}/apply", **{**form, **changes})


async def settings(page: Scene) -> RoomSettings | None:
    book = await store.read(page.pool)
    return next((room for room in book.rooms if room.id == RESULTS), None)


async def audit(page: Scene) -> list[tuple[str, str, str]]:
    rows = await page.pool.fetch("SELECT actor, action, subject FROM audit WHERE action LIKE 'queues.%'")
    return [tuple(row) for row in rows]


async def test_the_rooms_in_use_are_shown(browser: Browser, page: Scene) -> None:
    """With who waits, what is let in by measure and by target, the cap, no-shows, the estimate's coverage."""
    await browser.sign_in()
    assert "Nobody waits" in (await browser.get(ROOMS))[1]
    await fill(page)
    status, text = await browser.get(ROOMS)
    assert status == 200
    row = text.split(f'data-room="{RESULTS}"', 1)[1].split("</tr>", 1)[0]
    for shown in ("the line moves", "<bdi>300</bdi> / <bdi>360</bdi>", "<bdi>20%</bdi>", "<bdi>81%</bdi>"):
        assert shown in row, shown
    assert f"/ <bdi>{page.room.active_cap}</bdi>" in row


async def test_a_room_is_shown_whole(browser: Browser, page: Scene) -> None:
    """Numbers, charts as pictures and as data, the same in a table, lanes, levers."""
    await fill(page)
    await browser.sign_in()
    status, text = await browser.get(PAGE)
    assert status == 200
    assert text.count("<svg") == text.count("data-chart=") == 4
    assert '"seconds":[' in text
    assert text.count("<path") == 7
    for lever in ("pause", "rate", "message", "close"):
        assert f'value="{lever}"' in text
    assert 'value="resume"' not in text


async def test_without_measurements_the_page_says_so(browser: Browser) -> None:
    """Nothing is drawn, and nothing fails."""
    await browser.sign_in()
    status, text = await browser.get(PAGE)
    assert (status, "There are no measurements yet." in text, "<svg" in text) == (200, True, False)


async def test_a_nations_rooms_are_found_by_words(browser: Browser) -> None:
    """Of the id, of a name in either language, of the agency; what somebody asked comes back harmless."""
    await browser.sign_in("authority")
    for asked in ("moehe", "نتائج", "Results", "RESULTS"):
        assert RESULTS in (await browser.get(f"{ROOMS}?q={asked}"))[1]
    _, text = await browser.get(f"{ROOMS}?q=<script>alert(1)</script>")
    assert "<script>alert" not in text
    assert "No room matches." in text


async def test_an_agency_sees_its_own_rooms_only(browser: Browser, page: Scene) -> None:
    """Another's is not there, nor can it be changed; the catalogue's authority sees all."""
    await browser.sign_in()
    token = token_in((await browser.get(ROOMS))[1])
    for status, text in (
        await browser.get(f"{ROOMS}/{CLINIC}"),
        await browser.send(f"{ROOMS}/{CLINIC}/preview", lever="pause", token=token),
        await browser.send(f"{ROOMS}/{CLINIC}/apply", lever="pause", token=token, seen=""),
    ):
        assert (status, "no such room" in text) == (404, True)
    assert CLINIC not in (await browser.get(f"{ROOMS}?q=appointment"))[1]
    await browser.sign_in("authority")
    assert (await browser.get(f"{ROOMS}/{CLINIC}"))[0] == 200


async def test_a_change_is_shown_before_it_is_made(browser: Browser, page: Scene) -> None:
    """The first form changes nothing, the second does, once, under the key's prefix and with the reason."""
    await browser.sign_in()
    status, text = await previewed(browser, "rate", outflow_per_minute="120", active_cap="50")
    assert status == 200
    assert "Nothing has been changed yet." in text
    assert "<bdi>360</bdi>" in text
    assert "<strong><bdi>120</bdi>" in text
    assert await settings(page) is None
    status, text = await applied(browser, text, note="surge is over")
    assert (status, "The change was made and recorded." in text) == (200, True)
    changed = await settings(page)
    assert changed is not None
    assert (changed.outflow_per_minute, changed.active_cap) == (120, 50)
    assert page.specs.current[RESULTS].room.outflow_per_minute == 120
    prefix = page.keys["operator"].split("_")[1]
    assert await audit(page) == [(prefix, "queues.add", f"queues/{RESULTS}")]
    assert "surge is over" in text


async def test_calling_is_paused_and_resumed(browser: Browser, page: Scene) -> None:
    """The levers change places; nobody's place is touched."""
    waiting = await fill(page)
    await browser.sign_in()
    _, text = await applied(browser, (await previewed(browser, "pause"))[1])
    assert page.specs.current[RESULTS].room.suspended
    assert 'value="resume"' in text
    assert 'value="pause"' not in text
    still = await page.rooms.standing(page.room, waiting.ticket)
    assert (still.number, still.position) == (waiting.number, waiting.position)
    await applied(browser, (await previewed(browser, "resume"))[1])
    assert not page.specs.current[RESULTS].room.suspended


async def test_a_room_is_closed_and_opened_again(browser: Browser, page: Scene) -> None:
    """With a method that opens it, and with no other."""
    await browser.sign_in()
    _, text = await applied(browser, (await previewed(browser, "close"))[1])
    assert page.specs.current[RESULTS].room.method == "closed"
    assert 'value="reopen"' in text
    assert (await previewed(browser, "reopen", method="closed"))[0] == 422
    await applied(browser, (await previewed(browser, "reopen", method="fifo"))[1])
    assert page.specs.current[RESULTS].room.method == "fifo"


async def test_a_message_is_in_both_languages_or_in_none(browser: Browser, page: Scene) -> None:
    """And is shown as what it is: text."""
    await browser.sign_in()
    status, text = await previewed(browser, "message", message_ar="مرحبا", message_en=" ")
    assert (status, "both languages" in text) == (422, True)
    status, text = await previewed(
        browser, "message", message_ar="نعتذر\r\nعن التأخير", message_en="<b>Sorry</b>"
    )
    assert "&lt;b&gt;Sorry&lt;/b&gt;" in text
    form = {"message_ar": "نعتذر\r\nعن التأخير", "message_en": "<b>Sorry</b>"}
    await applied(browser, text, **form)
    message = page.specs.current[RESULTS].message
    assert message is not None
    assert (message.ar, message.en) == ("نعتذر\nعن التأخير", "<b>Sorry</b>")
    await applied(browser, (await previewed(browser, "message", message_ar="", message_en=""))[1])
    assert page.specs.current[RESULTS].message is None


async def test_what_would_change_nothing_says_so(browser: Browser) -> None:
    """There is then no second form."""
    await browser.sign_in()
    status, text = await previewed(browser, "resume")
    assert (status, "it is so already" in text, "/apply" in text) == (200, True, False)


@pytest.mark.parametrize(
    ("lever", "fields", "said"),
    [
        ("rate", {"outflow_per_minute": "0", "active_cap": "5"}, "outflow_per_minute is 0"),
        ("rate", {"outflow_per_minute": "-5", "active_cap": "5"}, "whole number"),
        ("rate", {"outflow_per_minute": "5"}, "whole number"),
        ("rate", {"outflow_per_minute": "9" * 10, "active_cap": "5"}, "whole number"),
        ("rate", {"outflow_per_minute": "1e3", "active_cap": "5"}, "whole number"),
        ("message", {"message_ar": "x" * 501, "message_en": "x"}, "500"),
        ("explode", {}, "did not come from this page"),
    ],
)
async def test_what_cannot_be_is_refused(
    browser: Browser, page: Scene, lever: str, fields: dict[str, str], said: str
) -> None:
    """By the first form and, for who skips that, by the second; nothing is changed."""
    await browser.sign_in()
    status, text = await previewed(browser, lever, **fields)
    assert (status, said in text) == (422, True)
    token = token_in((await browser.get(PAGE))[1])
    tag = hidden_in((await previewed(browser, "pause"))[1], "seen")
    status, text = await browser.send(f"{PAGE}/apply", token=token, seen=tag, lever=lever, **fields)
    assert (status, said in text) == (422, True)
    assert await settings(page) is None


async def test_digits_of_any_script_are_numbers(browser: Browser, page: Scene) -> None:
    """Arabic ones too."""
    await browser.sign_in()
    _, text = await previewed(browser, "rate", outflow_per_minute="١٢٠", active_cap="٥٠")
    await applied(browser, text)
    assert page.specs.current[RESULTS].room.outflow_per_minute == 120


async def test_nobody_undoes_what_another_did_meanwhile(browser: Browser, page: Scene) -> None:
    """The second form is refused, and shows the change anew on what is there now; then it may be made."""
    await browser.sign_in()
    _, preview = await previewed(browser, "pause")
    await store.publish(page.pool, [RoomSettings(RESULTS, outflow_per_minute=7)], "somebody")
    status, text = await applied(browser, preview)
    assert (status, "Somebody else changed this room meanwhile." in text) == (409, True)
    assert not (await settings(page) or RoomSettings("")).suspended
    await applied(browser, text)
    assert await settings(page) == RoomSettings(RESULTS, outflow_per_minute=7, suspended=True)


async def test_changes_of_other_rooms_do_not_matter(browser: Browser, page: Scene) -> None:
    """Only the room's own settings must be as they were seen."""
    await browser.sign_in()
    _, preview = await previewed(browser, "pause")
    await store.publish(page.pool, [RoomSettings(CLINIC, outflow_per_minute=7)], "somebody")
    assert (await applied(browser, preview))[0] == 200
    assert {room.id for room in (await store.read(page.pool)).rooms} == {RESULTS, CLINIC}


async def test_a_forged_change_does_nothing(browser: Browser, page: Scene) -> None:
    """From another site with the right token, or from ours without it; the cookie alone is not enough."""
    await browser.sign_in()
    _, preview = await previewed(browser, "pause")
    token, tag = token_in(preview), hidden_in(preview, "seen")
    wrong = [
        await browser.send(
            f"{PAGE}/apply", origin="https://evil.example", token=token, seen=tag, lever="pause"
        ),
        await browser.send(f"{PAGE}/apply", origin=None, token=token, seen=tag, lever="pause"),
        await browser.send(f"{PAGE}/apply", token="", seen=tag, lever="pause"),
        await browser.send(f"{PAGE}/apply", seen=tag, lever="pause"),
    ]
    assert [status for status, _ in wrong] == [403] * 4
    assert await settings(page) is None


async def test_both_languages_say_all(browser: Browser, page: Scene) -> None:
    """Arabic is right to left; a choice is kept; without one the browser's language counts, else Arabic."""
    await fill(page)
    await browser.sign_in()
    browser.language = "fr"
    assert '<html lang="ar" dir="rtl">' in (await browser.get(PAGE))[1]
    browser.language = "en-GB,ar;q=0.5"
    assert '<html lang="en" dir="ltr">' in (await browser.get(PAGE))[1]
    assert '<html lang="ar" dir="rtl">' in (await browser.get(f"{PAGE}?lang=ar"))[1]
    assert '<html lang="ar" dir="rtl">' in (await browser.get(ROOMS))[1]
    assert "غرف الانتظار" in (await previewed(browser, "pause"))[1]


async def test_without_the_database_nothing_is_changed(browser: Browser, page: Scene) -> None:
    """The room is shown as it is known; a change is refused, first form and second, with 503."""
    await fill(page)
    await browser.sign_in()
    _, preview = await previewed(browser, "pause")
    await page.pool.close()
    assert (await browser.get(PAGE))[0] == 200
    assert (await previewed(browser, "pause"))[0] == 503
    status, text = await applied(browser, preview)
    assert (status, "nothing was changed" in text) == (503, True)
