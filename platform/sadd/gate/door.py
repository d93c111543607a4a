"""The door of a service with a waiting room: who has been let in already, who comes with a pass, who waits.

The door stays shut. With the store away nobody comes in who is not in yet, since nobody can say whether his
pass was spent; entries are verified offline and go on. While an entry is used it is asked every few seconds
whether its stay is over. What cannot be read is no entry and no pass: it is never a reason to let anybody in.
A room that makes nobody wait just now has its door open.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Literal, Protocol

import msgspec
import structlog

from queueing.activation import Automatic
from queueing.passes import InvalidPass, Pass, PassOffice
from queueing.store import StoreUnavailable
from sadd.gate import refused
from sadd.gate.exchange import Entry, Exchange, SpentPass, mark_of
from sadd.gate.knock import Caller, Knock
from sadd.gate.original import Original
from sadd.gate.reply import REFUSAL
from sadd.gate.shown import ENTRY_COOKIE, entries_shown, pass_in_query, pass_shown
from sadd.gate.trust import prefix_of
from sadd.gate.visitor import kind_of
from sadd.gate.way import into_room, page_of
from sadd.rooms.spec import RoomSpec
from sadd.web.problem import Problem

_log = structlog.get_logger("sadd.gate")

ROBOTS = "/robots.txt"
"""Goes on without a pass: while it answers 503 a search engine leaves the whole host alone, for days.

In this spelling alone: ``/apply.php/..;/robots.txt`` is it to some origins, to others a page of their own.
"""
_FOLLOWED = frozenset({"GET", "HEAD"})
_COOKIE = "Path=/; Secure; HttpOnly; SameSite=Lax"

Why = Literal["", "invalid", "spent"]
"""What was wrong with the pass that was shown."""


class Verdict(msgspec.Struct, frozen=True):
    """Refused with a problem, or through: ``cookie`` is then a field for the visitor, if it has anything."""

    problem: Problem | None = None
    cookie: str = ""


Done = Callable[[Verdict], None]
Came = Callable[[str, bytes], None]
"""A room's id, and what tells a visitor from others."""
_THROUGH = Verdict()


class View(Protocol):
    """What is asked of the rooms' view."""

    def of_service(self, service_id: str) -> RoomSpec | None: ...


def _nobody_counts(room: str, mark: bytes) -> None:
    """Where no room goes by itself."""


OUTCOMES = (
    "inside",
    "renewed",
    "ended",
    "entered",
    "pass_invalid",
    "pass_spent",
    "sent_to_room",
    "no_wait",
    "room_away",
)


class Door:
    """The doors of all services. ``rooms_url`` is where visitors reach the rooms; empty: at the same host."""

    def __init__(
        self,
        view: View,
        passes: PassOffice,
        exchange: Exchange,
        *,
        rooms_url: str = "",
        came: Came = _nobody_counts,
    ) -> None:
        """``came`` is told of who goes through without a number."""
        self._view = view
        self._passes = passes
        self._exchange = exchange
        self._rooms_url = rooms_url
        self._came = came
        self.counts: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, knock: Knock, caller: Caller, done: Done) -> None:
        """May the visitor come as far as the service's limits? ``done`` gets it once, at once or later."""
        spec = self._view.of_service(knock.service)
        if spec is None or _is_robots(caller.original):
            done(_THROUGH)
            return
        held = self._held(spec, knock)
        if held is not None:
            self.counts["inside"] += 1
            if self._exchange.is_unsure(held):
                self._later(self._still(spec, knock, caller, held), done)
            elif self._exchange.is_due(spec, held):
                self._later(self._renew(spec, held), done)
            else:
                done(_THROUGH)
            return
        shown = pass_shown(knock.headers, caller.original.uri)
        if shown:
            self._later(self._look(spec, knock, caller, shown), done)
        else:
            done(self._without(spec, knock, caller))

    def _held(self, spec: RoomSpec, knock: Knock) -> Pass | None:
        """The entry that he shows, if there is one in force."""
        for text in entries_shown(knock.headers, knock.service):
            with contextlib.suppress(InvalidPass):
                return self._passes.read_entry(text, spec.id, knock.service)
        return None

    async def _still(self, spec: RoomSpec, knock: Knock, caller: Caller, held: Pass) -> Verdict:
        """Who left, or whose session was ended, is out: another has his slot. Nobody knows: he goes on."""
        with contextlib.suppress(StoreUnavailable):
            if await self._exchange.is_over(spec, held):
                self.counts["ended"] += 1
                return self._without(spec, knock, caller)
        return await self._renew(spec, held) if self._exchange.is_due(spec, held) else _THROUGH

    async def _renew(self, spec: RoomSpec, held: Pass) -> Verdict:
        """Who is in goes on, whatever comes of it: the entry that he has is good until it ends."""
        try:
            entry = await self._exchange.renewed(spec, held)
        except (StoreUnavailable, InvalidPass):
            entry = None
        if entry is None:
            return _THROUGH
        self.counts["renewed"] += 1
        return Verdict(cookie=_cookie(held.service, entry))

    async def _look(self, spec: RoomSpec, knock: Knock, caller: Caller, shown: str) -> Verdict:
        why: Why
        try:
            entry = await self._exchange.entry(spec, knock.service, shown, _mark(knock, caller))
        except SpentPass:
            why = "spent"
        except InvalidPass:
            why = "invalid"
        except StoreUnavailable:
            return self._away()
        else:
            return self._enter(entry, knock, caller)
        self.counts[f"pass_{why}"] += 1
        return self._without(spec, knock, caller, why)

    def _enter(self, entry: Entry, knock: Knock, caller: Caller) -> Verdict:
        """A page is asked for again without the pass, or histories would keep it."""
        self.counts["entered"] += 1
        cookie = _cookie(knock.service, entry)
        original = caller.original
        redirects = knock.headers.get(REFUSAL) != "403"  # a proxy that knows no 302 sets the cookie at least
        if redirects and original.method in _FOLLOWED and pass_in_query(original.uri):
            return Verdict(refused.enters(page_of(original.uri), cookie))
        return Verdict(cookie=cookie)

    def _without(self, spec: RoomSpec, knock: Knock, caller: Caller, why: Why = "") -> Verdict:
        if spec.room.method == "passthrough" and not spec.room.suspended:
            # A room that makes people wait counts its visitors itself: all of them go there, and get their
            # pass at once if nobody waits.
            self.counts["no_wait"] += 1
            if isinstance(spec.activation, Automatic):
                self._came(spec.id, _mark(knock, caller))
            return _THROUGH
        self.counts["sent_to_room"] += 1
        url = into_room(self._rooms_url, spec.id, knock.service, caller.original.uri, why)
        return Verdict(refused.waits(kind_of(knock.headers), spec.id, url))

    def _away(self) -> Verdict:
        self.counts["room_away"] += 1
        return Verdict(refused.room_away())

    def _later(self, looking: Coroutine[Any, Any, Verdict], done: Done) -> None:
        async def look() -> None:
            try:
                verdict = await looking
            except Exception:  # whoever waits gets an answer in any case: not 500, which opens some proxies
                _log.exception("a visitor could not be judged at the door")
                verdict = self._away()
            done(verdict)

        task = asyncio.get_running_loop().create_task(look())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_robots(original: Original) -> bool:
    return original.method in _FOLLOWED and original.uri.partition("?")[0] == ROBOTS


def _cookie(service: str, entry: Entry) -> str:
    seconds = -(-entry.expires_in_ms // 1000)
    return f"{ENTRY_COOKIE}{service}={entry.text}; Max-Age={seconds}; {_COOKIE}"


def _mark(knock: Knock, caller: Caller) -> bytes:
    return mark_of(prefix_of(caller.address), knock.headers.get("User-Agent") or "")
