"""What a page says of one view beyond fixed texts: title, lead, wait, deadline, and when it may be closed."""

from markupsafe import Markup

from sadd.web.room_page.view import RoomView

DATED = frozenset({"scheduled", "gathering", "gathered", "early"})


def title(view: RoomView) -> str:
    """The state first: it is what a tab has room for."""
    ahead = view.speech.plain("ahead", view.place.ahead) if view.place else ""
    told = view.speech.plain(f"{view.state}.title", ahead=ahead)
    prefix = view.speech.plain("fault.prefix") if view.fault else ""
    return f"{prefix}{told} – {view.name}"


def lead(view: RoomView) -> Markup:
    speech = view.speech
    if view.work is not None:
        time = speech.clock(view.now_ms + view.work.plain_after_ms, seconds=True)
        return Markup("{} <span id=plain>{}</span>").format(
            speech.say("work.lead"), speech.say("work.plain", time=time)
        )
    if view.state == "join" and view.opens_at_ms is not None:
        return Markup("{} {}").format(speech.say("join.lead"), _opens(view, "join.opens", view.opens_at_ms))
    if view.state not in DATED:
        return speech.say(f"{view.state}.lead")
    if view.opens_at_ms is None:
        return speech.say(f"{view.state}.soon")
    return _opens(view, f"{view.state}.lead", view.opens_at_ms)


def _opens(view: RoomView, key: str, at_ms: int) -> Markup:
    return view.speech.say(key, day=view.speech.day(at_ms), time=view.speech.clock(at_ms))


def wait(view: RoomView) -> str:
    if view.state == "paused":
        return view.speech.plain("wait.paused")
    if view.place is None or view.place.wait_ms is None:
        return view.speech.plain("wait.unknown")
    return view.speech.interval(*view.place.wait_ms)


def until(view: RoomView) -> Markup | None:
    """Of a called or admitted visitor: the time of day, and how long that is."""
    if view.place is None or view.place.ends_in_ms is None or view.state not in ("called", "admitted"):
        return None
    left_ms = view.place.ends_in_ms
    time = view.speech.clock(view.now_ms + left_ms, seconds=True)
    return view.speech.say("until", time=time, left=view.speech.duration(left_ms))


def close(view: RoomView) -> Markup | None:
    """That the page may be closed, where that is true."""
    if view.come_back_ms is None or view.place is None:
        return None
    if view.state in ("gathered", "early"):
        key: str = view.state if view.place.ticket is None else "code"
    elif view.place.ticket is not None:  # no cookie: only the code brings the place back
        key = "code"
    else:
        key = "waiting"
    return view.speech.say(f"close.{key}", time=view.speech.clock(view.come_back_ms))
