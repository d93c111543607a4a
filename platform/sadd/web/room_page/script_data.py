"""What the page's script needs: the numbers it counts on with, and the texts that it fills in."""

from typing import Any

from sadd.web.room_page.view import RoomView

TEXTS = ("minutes", "hours", "minutes_range", "hours_range", "range", "up_to", "about", "ahead")
SAID = ("entered", "halved", "five", "one", "turn", "ending")
POLLING = frozenset({"waiting", "paused", "gathered", "early", "gathering", "scheduled", "closed", "away"})


def script_data(view: RoomView) -> dict[str, Any]:
    """Empty where the page stands still: there is nothing to ask about again."""
    speech, place = view.speech, view.place
    data: dict[str, Any] = {"state": view.state, "cookies": view.cookies}
    if view.state in POLLING or view.state == "called":
        data |= {
            "status": view.status_url,
            "room": view.room_state,
            "message": view.message,
            "poll": place.poll_after_ms if place else 15_000,
            "locale": f"{speech.lang}-u-nu-{speech.shown_digits}",
            "zone": speech.zone.key,
            "said": {name: speech.raw(f"say.{name}") for name in SAID},
            "texts": {name: speech.raw(name) for name in TEXTS}
            | {
                "unknown": speech.raw("wait.unknown"),
                "title": f"{speech.raw('waiting.title')} – {view.name}",
                "changed": speech.raw("say.changed"),
                "until": speech.raw("until"),
            },
        }
    if view.work is not None and view.work.bits:
        data["work"] = {"text": view.work.text, "bits": view.work.bits, "parts": view.work.parts}
    if place is not None:
        data |= {"number": place.number, "lane": place.lane, "ahead": place.ahead, "ends": place.ends_in_ms}
        data["short"] = view.short
        if place.ticket is not None:
            data["ticket"] = place.ticket
    return data
