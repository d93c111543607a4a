"""Each state of a room's page, made up: what a preview shows, and what a template is tried on."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from sadd.catalogue.model import Catalogue, Name
from sadd.rooms.spec import RoomSpec
from sadd.web.room_page.look import Look
from sadd.web.room_page.showing import shares_of
from sadd.web.room_page.speech import Digits, Speech
from sadd.web.room_page.view import PageState, Place, RoomView, Share, Work
from sadd.web.room_page.words import DATED

NOW_MS = 1_817_103_909_000  # 2027-08-01 07:05:09 UTC
CODE = "7KQ2M-4XV9T-PJ8H3-R"
WORK = Work("", 0, 0, 6_000, "join")
WAITS: dict[PageState, Place] = {
    "waiting": Place(10_042, 1_310, wait_ms=(1_230_000, 1_740_000), code=CODE),
    "paused": Place(10_042, 1_310, wait_ms=(1_230_000, 1_740_000), code=CODE),
    "called": Place(10_042, ends_in_ms=150_000, code=CODE),
    "admitted": Place(10_042, ends_in_ms=900_000),
    "expired": Place(10_042),
    "gathered": Place(None, code=CODE, entry="5f" * 32),
    "early": Place(10_042, 1_310, code=CODE),
    "stock_ended": Place(10_042),
    "away": Place(10_042),
}
ROOM_STATES: dict[PageState, str] = {
    "paused": "paused",
    "closed": "closed",
    "scheduled": "scheduled",
    "gathering": "gathering",
    "gathered": "gathering",
    "early": "gathering",
    "ended": "ended",
    "stock_ended": "ended",
}


def sample_of(spec: RoomSpec, catalogue: Catalogue, state: PageState, look: Look) -> RoomView:
    """The page of a room that there is, with numbers that are made up."""
    agency = catalogue.agencies.get(spec.agency)
    return sample(
        state,
        look,
        room=spec.id,
        name=spec.name,
        agency=agency.name if agency is not None else spec.name,
        message=spec.message,
        logo=spec.logo,
        digits=spec.digits,
        zone=spec.time_zone,
        shares=shares_of(spec, look.lang),
    )


def nowhere(look: Look) -> RoomView:
    """The page of a room that there is not."""
    speech = Speech(look.lang, "latn", ZoneInfo("Asia/Qatar"))
    return RoomView(
        room="",
        state="unknown",
        speech=speech,
        look=look,
        name=speech.plain("waiting_room"),
        agency="",
        action="",
        status_url="",
        room_state="",
        now_ms=0,
        window_ms=0,
    )


def sample(
    state: PageState,
    look: Look,
    *,
    room: str,
    name: Name,
    agency: Name,
    message: Name | None = None,
    logo: str | None = None,
    digits: Digits = "latn",
    zone: str = "Asia/Qatar",
    shares: tuple[Share, ...] = (),
) -> RoomView:
    """The page of ``room`` as it looks in ``state``, with numbers that are made up."""
    lang = look.lang
    place = WAITS.get(state)
    if place is not None and place.code is not None:
        place = _with_url(place, room)
    return RoomView(
        room=room,
        state=state,
        speech=Speech(lang, digits, ZoneInfo(zone)),
        look=look,
        name=getattr(name, lang),
        agency=getattr(agency, lang),
        action=f"/queue/{room}?lang={lang}",
        status_url=f"/v1/queues/{room}",
        room_state=ROOM_STATES.get(state, "queueing"),
        now_ms=NOW_MS,
        window_ms=180_000,
        logo=logo,
        message=getattr(message, lang) if message else None,
        place=place,
        opens_at_ms=NOW_MS + 3_291_000 if state in DATED else None,
        draw_url=f"/queue/{room}/draw?lang={lang}" if state in ("gathering", "gathered") else None,
        shares=shares,
        work=WORK if state == "work" else None,
        target="#" if state == "admitted" else None,
    )


def _with_url(place: Place, room: str) -> Place:
    return replace(place, code_url=f"https://queue.example/queue/{room}#code={place.code}")
