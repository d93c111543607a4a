"""The door of a service with a waiting room: who has been let in already, who comes with a pass, who waits.

The door stays shut. With the store away nobody comes in who is not in yet, since nobody can say whether his
pass was spent; entries are verified offline and go on. What cannot be read is no entry and no pass: it is
never a reason to let anybody in. A room that makes nobody wait just now has its door open.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Literal, Protocol

import msgspec
import structlog

from queueing.activation import Activity, Always, Demand, Scheduled, decide
from queueing.passes import InvalidPass, PassOffice
from queueing.policy import Room
from queueing.standing import RoomStatus
from queueing.store import StoreUnavailable
from sadd.gate import refused
from sadd.gate.exchange import Entry, Exchange, SpentPass, mark_of
from sadd.gate.knock import Caller, Knock
from sadd.gate.reply import REFUSAL
from sadd.gate.shown import ENTRY_COOKIE, entries_shown, pass_in_query, pass_shown
from sadd.gate.trust import prefix_of
from sadd.gate.visitor import kind_of
from sadd.gate.way import into_room, page_of
from sadd.rooms.spec import RoomSpec
from sadd.web.problem import Problem, internal_error

_log = structlog.get_logger("sadd.gate")

ROBOTS = "/robots.txt"
"""Goes on without a pass: while it answers 503 a search engine leaves the whole host alone, for days."""
_FOLLOWED = frozenset({"GET", "HEAD"})
_NOBODY = Demand(0, 0)
_COOKIE = "Path=/; Secure; HttpOnly; SameSite=Lax"

Why = Literal["", "invalid", "spent"]
"""What was wrong with the pass that was shown."""


class Verdict(msgspec.Struct, frozen=True):
    """Refused with a problem, or through: ``cookie`` is then a field for the visitor, if it has anything."""

    problem: Problem | None = None
    cookie: str = ""


Done = Callable[[Verdict], None]
_THROUGH = Verdict()


class Rooms(Protocol):
    """What is asked of the rooms."""

    def known_status(self, room: Room) -> RoomStatus | None: ...

    async def status(self, room: Room) -> RoomStatus: ...


class View(Protocol):
    """What is asked of the rooms' view."""

    def of_service(self, service_id: str) -> RoomSpec | None: ...


OUTCOMES = ("inside", "entered", "pass_invalid", "pass_spent", "sent_to_room", "no_wait", "room_away")


class Door:
    """The doors of all services. ``rooms_url`` is where visitors reach the rooms; empty: at the same host."""

    def __init__(
        self,
        rooms: Rooms,
        view: View,
        passes: PassOffice,
        exchange: Exchange,
        *,
        rooms_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rooms = rooms
        self._view = view
        self._passes = passes
        self._exchange = exchange
        self._rooms_url = rooms_url
        self._clock = clock
        self.counts: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, knock: Knock, caller: Caller, done: Done) -> None:
        """May the visitor come as far as the service's limits? ``done`` gets it once, at once or later."""
        spec = self._view.of_service(knock.service)
        if spec is None or caller.original.path == ROBOTS:
            done(_THROUGH)
            return
        if self._is_inside(spec, knock):
            self.counts["inside"] += 1
            done(_THROUGH)
            return
        shown = pass_shown(knock.headers, caller.original.uri)
        status = None if shown else self._rooms.known_status(spec.room)
        if shown or self._makes_wait(spec, status) is None:
            self._later(self._look(spec, knock, caller, shown), done)
        else:
            done(self._without(spec, knock, caller, status))

    def _is_inside(self, spec: RoomSpec, knock: Knock) -> bool:
        for text in entries_shown(knock.headers, knock.service):
            try:
                self._passes.read_entry(text, spec.id, knock.service)
            except InvalidPass:
                continue
            return True
        return False

    async def _look(self, spec: RoomSpec, knock: Knock, caller: Caller, shown: str) -> Verdict:
        why: Why = ""
        try:
            if shown:
                mark = mark_of(prefix_of(caller.address), knock.headers.get("User-Agent") or "")
                return self._enter(
                    await self._exchange.entry(spec, knock.service, shown, mark), knock, caller
                )
        except SpentPass:
            why = "spent"
        except InvalidPass:
            why = "invalid"
        except StoreUnavailable:
            return self._away()
        if why:
            self.counts[f"pass_{why}"] += 1
        try:
            unknown = self._makes_wait(spec, None) is None
            status = await self._rooms.status(spec.room) if unknown else None
        except StoreUnavailable:
            return self._away()
        return self._without(spec, knock, caller, status, why)

    def _enter(self, entry: Entry, knock: Knock, caller: Caller) -> Verdict:
        """A page is asked for again without the pass, or histories would keep it."""
        self.counts["entered"] += 1
        seconds = -(-entry.expires_in_ms // 1000)
        cookie = f"{ENTRY_COOKIE}{knock.service}={entry.text}; Max-Age={seconds}; {_COOKIE}"
        original = caller.original
        redirects = knock.headers.get(REFUSAL) != "403"  # a proxy that knows no 302 sets the cookie at least
        if redirects and original.method in _FOLLOWED and pass_in_query(original.uri):
            return Verdict(refused.enters(page_of(original.uri), cookie))
        return Verdict(cookie=cookie)

    def _without(
        self, spec: RoomSpec, knock: Knock, caller: Caller, status: RoomStatus | None, why: Why = ""
    ) -> Verdict:
        if self._makes_wait(spec, status) is False:
            self.counts["no_wait"] += 1
            return _THROUGH
        self.counts["sent_to_room"] += 1
        url = into_room(self._rooms_url, spec.id, knock.service, caller.original.uri, why)
        return Verdict(refused.waits(kind_of(knock.headers), spec.id, url))

    def _makes_wait(self, spec: RoomSpec, status: RoomStatus | None) -> bool | None:
        """Whether who is not in yet has to go by the room; None: it takes the room's status to tell.

        A room that is always active counts its visitors, so all of them go there, and get their pass at once
        if nobody waits.
        """
        if spec.room.method in ("passthrough", "closed"):
            return spec.room.method == "closed"
        match spec.activation:
            case Always():
                return True
            case Scheduled():
                now_ms = int(self._clock() * 1000)
                return decide(spec.activation, Activity(), _NOBODY, now_ms).mode != "passthrough"
            case _:
                return None if status is None else status.state != "open"

    def _away(self) -> Verdict:
        self.counts["room_away"] += 1
        return Verdict(refused.room_away())

    def _later(self, looking: Coroutine[Any, Any, Verdict], done: Done) -> None:
        async def look() -> None:
            try:
                verdict = await looking
            except Exception:  # whoever waits gets an answer in any case, and not by an open door
                _log.exception("a visitor could not be judged at the door")
                verdict = Verdict(internal_error())
            done(verdict)

        task = asyncio.get_running_loop().create_task(look())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
