"""What a visitor may do with a place, whichever way he came: the API, its lane, the waiting page.

Who shows the ticket has the place. Who a place is for is asked only at a join: an app with a key names its
subject, a signed-in citizen has a session, and where a room wants to know neither, the ticket is enough.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Protocol

from msgspec import Meta, Struct
from multidict import MultiMapping

from queueing.activation import Scheduled
from queueing.estimate import Prospect, prospect
from queueing.rooms import Rooms
from queueing.standing import RoomState, RoomStatus, Standing
from queueing.store import RoomClosed, StoreUnavailable
from queueing.ticket import InvalidTicket
from sadd.identity.caller import Caller
from sadd.rooms.holder import Holders
from sadd.rooms.spec import RoomSpec
from sadd.rooms.store import StoreUnavailable as ListsAway
from sadd.session.sessions import Sessions, UnknownSession
from sadd.session.store import StoreUnavailable as SessionStoreUnavailable
from sadd.web.away import store_away
from sadd.web.problem import Problem, forbidden, invalid_request, unauthenticated

JOIN_SCOPE = "queues:join"
EVERYBODY_COMES = 1.0
"""Share of those before somebody who take what there is: he is warned too early rather than too late."""
KEPT = frozenset({"gathering", "waiting", "called", "admitted"})
"""States of a place that a join gives back as it is."""


class JoinRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Of an app with a key. ``subject`` has one place in the room, whatever device asks for it."""

    subject: (
        Annotated[str, Meta(min_length=1, max_length=512, description="Who joins, in your own terms.")] | None
    ) = None
    lane: Annotated[str, Meta(max_length=40, description="A lane of the room; empty is the open one.")] = ""


_NO_WISH = JoinRequest()


class Visit(Struct, frozen=True):
    """One request about a place. A struct: it is made for each."""

    room: str
    ticket: str
    """As it was shown; empty if none was."""
    headers: MultiMapping[str]
    remote: str
    """The address that called."""
    caller: Caller | None = None
    body: JoinRequest | None = None
    session: str = ""
    """The id of a session of ours, if one was shown."""
    once: str = ""
    """Of a browser that keeps no cookies: its join, sent again, is the same join."""


class Specs(Protocol):
    """What is asked of the rooms' view."""

    @property
    def current(self) -> Mapping[str, RoomSpec]: ...


class Door(Protocol):
    """Judges joins before the line, and suspects again at its front. Raises Problem."""

    async def at_join(self, spec: RoomSpec, request: Visit) -> bytes | None: ...

    def lets_by(self, request: Visit) -> bool: ...

    async def at_claim(self, spec: RoomSpec, request: Visit, number: int) -> None: ...


class Lists(Protocol):
    """Who is invited to a lane (``sadd.rooms.invited``)."""

    def has_lists(self, room: str) -> bool: ...

    async def lane_of(self, room: str, holder: bytes) -> str:
        """Empty for none. Raises ``sadd.rooms.store.StoreUnavailable``."""


class Visits:
    """The rooms' façade as visitors meet it: every refusal is a Problem."""

    def __init__(
        self,
        rooms: Rooms,
        specs: Specs,
        holders: Holders,
        sessions: Sessions | None = None,
        *,
        door: Door | None = None,
        lists: Lists | None = None,
        authority: str = "",
    ) -> None:
        """Without ``sessions`` a citizen is known by an app's word only."""
        self.rooms = rooms
        self._specs = specs
        self._holders = holders
        self._sessions = sessions
        self._door = door
        self._lists = lists
        self._authority = authority

    def spec(self, room_id: str) -> RoomSpec:
        """Rooms are public, so anyone's. Problem: no such room."""
        spec = self._specs.current.get(room_id)
        if spec is None:
            raise Problem(404, "unknown-room", "There is no such waiting room.")
        return spec

    async def status(self, spec: RoomSpec) -> RoomStatus:
        """What everyone may know, its schedule included. Raises StoreUnavailable."""
        return told(spec, await self.rooms.status(spec.room))

    def prospect(self, room_id: str, standing: Standing) -> Prospect | None:
        """Whether the stock lasts until the turn of whoever waits; None: no stock, or nobody could say."""
        spec = self._specs.current.get(room_id)
        if spec is None or spec.room.stock is None or standing.state != "waiting":
            return None
        known = self.rooms.known_status(spec.room)
        return None if known is None else prospect(standing.position, known.stock_left, EVERYBODY_COMES)

    async def join(self, visit: Visit) -> Standing:
        """A place, or the one that he has: by the ticket shown, or by who he is."""
        spec = self.spec(visit.room)
        wish = visit.body or _NO_WISH
        if wish.subject is not None or wish.lane:
            self._check_app(spec, visit.caller, wish)
        with refusing():
            if visit.ticket and (kept := await self._kept(spec, visit.ticket)) is not None:
                return kept
            holder = await self._holder(spec, visit, wish)
            lane = wish.lane or await self._invited(spec, holder)
            if self._door is not None:
                proven = await self._door.at_join(spec, visit)
                holder = holder or proven  # who somebody is goes before what he computed: one place for each
            if holder is None and visit.once:  # behind both: a browser may say it as often as it likes
                holder = self._holders.of(spec.id, "", visit.once)  # no agency's: no subject's either
            return await self.rooms.join(spec.room, visit.ticket or None, holder=holder, lane=lane)

    def ask_place(self, visit: Visit, told: Callable[[Standing | BaseException], None]) -> bool:
        """``join`` without a task, where nothing is to be judged. False: ask ``join``. Raises Problem."""
        spec = self.spec(visit.room)
        shows = visit.ticket or visit.session or visit.once or visit.body is not None
        if shows or spec.one_per_identity or not self.rooms.is_plain(spec.room):
            return False
        if self._door is not None and not self._door.lets_by(visit):
            return False
        self.rooms.ask_place(spec.room, told)
        return True

    async def standing(self, visit: Visit) -> Standing:
        with refusing():
            return await self.rooms.standing(self.spec(visit.room).room, visit.ticket)

    async def claim(self, visit: Visit) -> Standing:
        spec = self.spec(visit.room)
        with refusing():
            if self._door is not None and spec.bots.challenge_at_front:
                standing = await self.rooms.standing(spec.room, visit.ticket)
                if standing.state == "called":
                    await self._door.at_claim(spec, visit, standing.number)
            return await self.rooms.claim(spec.room, visit.ticket)

    async def renew(self, visit: Visit) -> Standing:
        with refusing():
            return await self.rooms.renew(self.spec(visit.room).room, visit.ticket)

    async def extend(self, visit: Visit) -> Standing:
        with refusing():
            return await self.rooms.extend(self.spec(visit.room).room, visit.ticket)

    async def leave(self, visit: Visit) -> Standing:
        with refusing():
            return await self.rooms.leave(self.spec(visit.room).room, visit.ticket)

    def resume_code(self, visit: Visit) -> str:
        with refusing():
            return self.rooms.resume_code(self.spec(visit.room).room, visit.ticket)

    async def resume(self, room_id: str, code: str) -> Standing:
        spec = self.spec(room_id)
        try:
            with refusing():
                return await self.rooms.resume(spec.room, code)
        except Problem as problem:
            if problem.slug != "invalid-ticket":
                raise
            detail = "Look at each letter again. A code is good for the room that gave it."
            raise Problem(403, "invalid-code", "This is no code of this room.", detail) from None

    async def _kept(self, spec: RoomSpec, ticket: str) -> Standing | None:
        """Where a ticket in force stands: nobody is judged again, or counted, for coming back."""
        try:
            standing = await self.rooms.standing(spec.room, ticket)
        except InvalidTicket:
            return None
        return standing if standing.state in KEPT else None

    async def _holder(self, spec: RoomSpec, visit: Visit, wish: JoinRequest) -> bytes | None:
        if wish.subject is not None:
            return self._holders.of(spec.id, spec.agency, wish.subject)
        if not spec.one_per_identity:
            return await self._guest(spec, visit.session)
        return self._holders.of(spec.id, spec.agency, await self._signed_in(spec, visit.session))

    async def _guest(self, spec: RoomSpec, session_id: str) -> bytes | None:
        """Where nobody must say who he is: whoever is signed in and invited to a lane."""
        if not session_id or self._lists is None or not self._lists.has_lists(spec.id):
            return None
        try:
            holder = self._holders.of(spec.id, spec.agency, await self._signed_in(spec, session_id))
        except Problem as problem:
            if problem.slug != "identity-required":
                raise
            return None
        return holder if await self._invited(spec, holder) else None

    async def _invited(self, spec: RoomSpec, holder: bytes | None) -> str:
        """The lane that the holder is invited to, if the room has it still; else the open one."""
        if holder is None or self._lists is None or not spec.lanes:
            return ""
        try:
            lane = await self._lists.lane_of(spec.id, holder)
        except ListsAway:
            raise store_away("Nobody knows who is invited to a lane of this room. Try again.") from None
        return lane if lane in {one.id for one in spec.lanes} else ""

    async def _signed_in(self, spec: RoomSpec, session_id: str) -> str:
        """The subject of the session. Problem: there is none in force."""
        if self._sessions is not None and session_id:
            try:
                return (await self._sessions.touch(spec.agency, session_id)).subject
            except UnknownSession:
                pass
            except SessionStoreUnavailable:
                raise store_away("Nobody knows whether the session lives. Try again.") from None
        detail = (
            "Sign in and join with the session in Sadd-Session; or an app joins with its key and a subject."
        )
        raise Problem(401, "identity-required", "This room has one place for each person.", detail)

    def _check_app(self, spec: RoomSpec, caller: Caller | None, wish: JoinRequest) -> None:
        """Only the room's own agency says who somebody is, or whose lane it is."""
        if caller is None:
            raise unauthenticated()
        if JOIN_SCOPE not in caller.scopes or caller.agency not in (spec.agency, self._authority):
            raise forbidden(JOIN_SCOPE)
        if wish.lane and wish.lane not in (lane.id for lane in spec.lanes):
            what = "no such lane of this room"
            raise invalid_request(f"{what} at #/lane", errors=[{"pointer": "#/lane", "detail": what}])


def told(spec: RoomSpec, status: RoomStatus) -> RoomStatus:
    """The status with what a schedule makes of it: when the room opens, and that it is not open yet."""
    activation = spec.activation
    if not isinstance(activation, Scheduled) or status.state == "ended":
        return status
    if spec.mode == "queueing" or status.now_ms >= activation.opens_at_ms:
        return status
    state: RoomState = status.state
    if spec.mode == "closed":
        state = "scheduled"
    elif spec.mode == "gathering":
        state = "gathering"
    return replace(status, state=state, opens_at_ms=activation.opens_at_ms)


class _Refusing:
    """What the rooms cannot do, as problems. A class: a generator would cost each call a microsecond."""

    __slots__ = ()

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None:
            return
        if isinstance(error, InvalidTicket):
            detail = "Show the ticket that a join of this room gave you; or join anew."
            raise Problem(403, "invalid-ticket", "This is no ticket of this room.", detail) from None
        if isinstance(error, RoomClosed):
            detail = (
                "Nobody joins just now; who has a place keeps it. "
                "GET /v1/queues/{room} says why, and when it opens."
            )
            raise Problem(409, "room-closed", "The room is closed.", detail) from None
        if isinstance(error, StoreUnavailable):
            raise store_away(
                "The room stays shut meanwhile. Keep your ticket: it holds your place."
            ) from None


_REFUSING = _Refusing()


def refusing() -> _Refusing:
    """For a ``with`` block around the engine's calls."""
    return _REFUSING
