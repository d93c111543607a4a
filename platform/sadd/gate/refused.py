"""What the door says to who does not come in: a page is led into the room, an app is told where it is, a
crawler is asked to come back. Never a page of ours under the status 200, which search engines would keep.
"""

from sadd.gate.visitor import Kind
from sadd.web.away import store_away
from sadd.web.problem import Problem

ROOM = "Sadd-Room"
"""The room's address, for who is not led there."""

APP_RETRY_SECONDS = 5
CRAWLER_RETRY_SECONDS = 300


def waits(kind: Kind, room: str, url: str) -> Problem:
    """There is a waiting room before the service, at ``url``."""
    if kind == "page":
        return Problem(
            302, "waiting-room", "There is a waiting room before this service.", headers={"Location": url}
        )
    status, seconds = (503, CRAWLER_RETRY_SECONDS) if kind == "crawler" else (429, APP_RETRY_SECONDS)
    return Problem(
        status,
        "waiting-room",
        "There is a waiting room before this service.",
        "Join it, and come back with the pass that you get there.",
        extra={"room": room, "room_url": url, "tickets": f"/v1/queues/{room}/tickets"},
        headers={"Retry-After": str(seconds), ROOM: url},
    )


def enters(page: str, cookie: str) -> Problem:
    """In, and on to the page without the pass in its address."""
    return Problem(
        302,
        "waiting-room",
        "The pass is taken. Go on without it.",
        headers={"Location": page, "Set-Cookie": cookie},
    )


def room_away() -> Problem:
    return store_away("The waiting room stays shut meanwhile. Keep your pass: it is not spent.")
