"""All that one page shows, as values: no store, no clock and no request in sight."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from sadd.web.room_page.look import Look
from sadd.web.room_page.speech import Speech

PageState = Literal[
    "join",
    "waiting",
    "paused",
    "called",
    "admitted",
    "expired",
    "left",
    "closed",
    "scheduled",
    "gathering",
    "gathered",
    "early",
    "ended",
    "stock_ended",
    "away",
    "work",
    "unknown",
]
"""gathering: a draw is to come, and he is not in it; gathered: he is. early: he stands in a line that is to
open. paused: he waits meanwhile. work: a challenge is to be met before a join or a claim.
unknown: there is no such room."""

PAGE_STATES: tuple[PageState, ...] = get_args(PageState)

Fault = Literal["code", "place", "foreign", "full", "busy", "identity", "invalid", "spent", "early"]
"""What went wrong with the last button, told on top of the page."""

CLOSE_FROM_MS = 600_000
"""A wait of at least ten minutes: less is no time in which to go away and come back."""
COME_BACK_SHARE = 0.75
"""Of the least wait: the estimate is an interval, and the turn may come sooner than it."""


@dataclass(frozen=True, slots=True)
class Place:
    """The visitor's place. ``ticket`` is None unless the browser keeps no cookies: forms then carry it."""

    number: int | None
    """None while the store is away, which takes no ticket away, and before a draw."""
    ahead: int = 0
    lane: str = ""
    wait_ms: tuple[int, int] | None = None
    """None while nothing is known of the outflow."""
    poll_after_ms: int = 3_000
    code: str | None = None
    code_url: str | None = None
    """Where the code opens the place on another device: it is in the fragment, which no server sees."""
    ends_in_ms: int | None = None
    """Of a called one: the rest of the window; of an admitted one: of the pass."""
    ticket: str | None = None
    entry: str | None = None
    """What stands for him in the public list of a draw, in hex."""


@dataclass(frozen=True, slots=True)
class Work:
    """A challenge, and what is done once it is met. Without a script it is good after ``plain_after_ms``."""

    text: str
    bits: int
    parts: int
    plain_after_ms: int
    word: Literal["join", "claim"]


@dataclass(frozen=True, slots=True)
class Share:
    """A lane as the public is told of it. ``label`` None is the open line."""

    label: str | None
    per_hundred: int


@dataclass(frozen=True, slots=True)
class RoomView:
    """One page. ``action`` is the page's own address with what must be kept: service and path."""

    room: str
    state: PageState
    speech: Speech
    look: Look
    name: str
    agency: str
    action: str
    status_url: str
    """The room's public document."""
    room_state: str
    """What it says just now; ``open`` counts as ``queueing``. When it changes the page is asked for anew."""
    now_ms: int
    window_ms: int
    logo: str | None = None
    """A ``data:`` URL."""
    message: str | None = None
    place: Place | None = None
    stock_left: int | None = None
    opens_at_ms: int | None = None
    draw_url: str | None = None
    """Where anybody checks the draw."""
    shares: tuple[Share, ...] = ()
    fault: Fault | None = None
    typed: str = ""
    """The code that was not taken, for its writer to mend."""
    target: str | None = None
    """Where an admitted visitor goes: the service's registered address, with the pass."""
    once: str = ""
    """Makes a repeated join of a browser without cookies the same join."""
    cookies: bool = True
    short: bool = False
    """What there is will probably have run out before this visitor's turn (queueing.estimate.prospect)."""
    kept: dict[str, str] = field(default_factory=dict)
    """Of the page's query: the way to the service, which every other look keeps."""
    work: Work | None = None

    @property
    def come_back_ms(self) -> int | None:
        """Until when the page may be closed; None when it would be a false promise to say so."""
        if self.state in ("gathered", "early"):
            return self.opens_at_ms
        if self.state != "waiting" or self.place is None or self.place.wait_ms is None:
            return None
        least_ms = self.place.wait_ms[0]
        return self.now_ms + round(least_ms * COME_BACK_SHARE) if least_ms >= CLOSE_FROM_MS else None
