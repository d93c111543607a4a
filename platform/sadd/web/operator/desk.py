"""What the page asks of the platform: which rooms an operator may see, how they do, and changing one."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from queueing.history import History, Sample
from queueing.rooms import Rooms
from queueing.standing import RoomStatus
from queueing.store import StoreUnavailable as RoomsAway
from sadd.identity.caller import Caller
from sadd.postgres.pool import Pool
from sadd.rooms import store
from sadd.rooms.effect import FieldChange
from sadd.rooms.registry import Changed, Editor, Make, Refusal, Registry, tag_of
from sadd.rooms.resolving import resolved
from sadd.rooms.spec import RoomSpec
from sadd.rooms.view import RoomsView
from sadd.rooms.written import RoomSettings

ROOMS_MAX = 100
"""Of one page; a nation's rooms are found by searching."""
SAMPLES_OF_ROW = 13
"""A minute and the sample before it."""
EDITIONS_MAX = 10


class Refused(Exception):
    """The change may not be made, or not any more. Nothing was changed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(type(refusal).__name__)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Trial:
    """A change before it is made: the room then and now, a tag of its settings now, and what differs."""

    before: RoomSpec
    after: RoomSpec
    tag: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of one room now. ``status`` is None while the store is away."""

    spec: RoomSpec
    status: RoomStatus | None
    samples: Sequence[Sample]
    now_ms: int


class Desk:
    """``authority`` is the agency whose operators see every room."""

    def __init__(
        self,
        view: RoomsView,
        registry: Registry,
        rooms: Rooms,
        history: History,
        pool: Pool,
        authority: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._view = view
        self._registry = registry
        self._rooms = rooms
        self._history = history
        self._pool = pool
        self._authority = authority
        self._clock = clock

    @property
    def now_ms(self) -> int:
        return int(self._clock() * 1000)

    def spec(self, caller: Caller, room_id: str) -> RoomSpec | None:
        """None for a room that there is not, and for another agency's alike."""
        spec = self._view.current.get(room_id)
        return spec if spec is not None and self._may_see(caller, spec) else None

    async def live(self, caller: Caller) -> list[Look]:
        """The rooms in use, those with most people waiting first."""
        try:
            ids = await self._history.live(10 * ROOMS_MAX)
        except (ConnectionError, TimeoutError):
            ids = []
        specs = [spec for id_ in ids if (spec := self.spec(caller, id_)) is not None]
        looks = await self._looks(specs[:ROOMS_MAX])
        return sorted(looks, key=lambda look: -(look.status.waiting if look.status else 0))

    async def found(self, caller: Caller, asked: str) -> list[Look]:
        """Rooms whose id, name or agency has these words in it; at most one more than a page has."""
        words = asked.casefold().split()
        specs: list[RoomSpec] = []
        for spec in self._view.current.values():
            text = f"{spec.id} {spec.name.ar} {spec.name.en} {spec.agency}".casefold()
            if all(word in text for word in words) and self._may_see(caller, spec):
                specs.append(spec)
                if len(specs) > ROOMS_MAX:
                    break
        return await self._looks(specs)

    async def look(self, spec: RoomSpec, samples_max: int = SAMPLES_OF_ROW) -> Look:
        status, samples = await asyncio.gather(self._status(spec), self._samples(spec.id, samples_max))
        return Look(spec, status, samples, self.now_ms)

    async def editions(self, room_id: str) -> list[store.Edition]:
        """The last changes of the room. Raises the rooms' StoreUnavailable."""
        return await store.history(self._pool, EDITIONS_MAX, room_id)

    async def trial(self, caller: Caller, spec: RoomSpec, make: Make) -> Trial:
        """What a change would do, on the newest settings. Raises Refused, StoreUnavailable."""
        changed = await self._registry.change(self._editor(caller), spec.id, make, dry_run=True)
        if not isinstance(changed, Changed):
            raise Refused(changed)
        before, after = (
            resolved(settings or RoomSettings(spec.id), self._view.state.catalogue)
            for settings in (changed.before, changed.after)
        )
        effect = next((one for one in changed.effects if one.room == spec.id), None)
        return Trial(before, after, tag_of(changed.before), effect.fields if effect else ())

    async def change(self, caller: Caller, spec: RoomSpec, make: Make, *, tag: str, note: str) -> None:
        """Make the change, if the room still is as ``tag`` says. Raises Refused, StoreUnavailable."""
        changed = await self._registry.change(self._editor(caller), spec.id, make, seen=(tag,), note=note)
        if not isinstance(changed, Changed):
            raise Refused(changed)

    def _editor(self, caller: Caller) -> Editor:
        return Editor(caller.prefix, None if caller.agency == self._authority else caller.agency)

    def _may_see(self, caller: Caller, spec: RoomSpec) -> bool:
        return caller.agency in (spec.agency, self._authority)

    async def _looks(self, specs: Sequence[RoomSpec]) -> list[Look]:
        return list(await asyncio.gather(*map(self.look, specs)))

    async def _status(self, spec: RoomSpec) -> RoomStatus | None:
        try:
            return await self._rooms.status(spec.room)
        except RoomsAway:
            return None

    async def _samples(self, room_id: str, samples_max: int) -> list[Sample]:
        try:
            return await self._history.read(room_id, samples_max)
        except (ConnectionError, TimeoutError):
            return []
