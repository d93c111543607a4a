"""Sessions: create, use, change, rotate, end, and list what a subject has.

The session says so. When a store is away that is needed, every call raises StoreUnavailable, which becomes
503: a person is never taken for anonymous, or for signed in, because we could not look. Whoever is not alive,
whose id was never ours, or is another agency's, is UnknownSession; the answer does not tell which.

Nobody is told that he is signed out before PostgreSQL knows; ``keeper`` tells what each class may lose.
"""

import asyncio
import hmac
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import structlog

from sadd.sealing import Sealer, SealKey
from sadd.session.beginning import Beginning
from sadd.session.deeds import Deeds
from sadd.session.finding import Finding
from sadd.session.ids import Ids, of_ref
from sadd.session.journal import Journal
from sadd.session.keeper import Found, Keeper, check_level
from sadd.session.listed import Listed, listed
from sadd.session.payload import Payload, decoded, encoded, merged
from sadd.session.policy import SessionPolicy
from sadd.session.record import TEXT_BYTES_MAX, Body, Session, bounded
from sadd.session.refused import ReadOnlySession, SpentSession, TooManySessions, UnknownSession
from sadd.session.revocations import Feed, told
from sadd.session.sharing import Sharing
from sadd.session.stats import SessionStats
from sadd.session.store import Ledger, Reading, Store, Stored, StoreUnavailable, VersionConflict
from sadd.session.turns import Turns

__all__ = ["ReadOnlySession", "Sessions", "SpentSession", "TooManySessions", "UnknownSession"]

MERGES_MAX = 4
"""A merge is tried once, and three times more where somebody changed the session meanwhile."""
SWEEP_S = 60.0
CATCH_UP_S = 1.0
_log = structlog.get_logger("sadd.session")


Left = Callable[[str], Awaitable[None]]
"""What is done when a stay is over. It raises nothing."""


class Sessions:
    """All agencies' sessions. The agency always comes from the caller's key.

    Without ``sealer`` a key is made from the pepper; without ``ledger`` nothing outlives the hot store.
    """

    def __init__(
        self, store: Store, ids: Ids, sealer: Sealer | None = None, ledger: Ledger | None = None
    ) -> None:
        self._store = store
        self._ids = ids
        self._sealer = sealer or _of_pepper(ids)
        self._ledger = ledger
        self._keeper = Keeper(store, self._sealer, None if ledger is None else Journal(ledger))
        self._counts: Counter[str] = Counter()
        self._finding = Finding(ids, self._keeper, self._counts)
        self._beginning = Beginning(store, ids, self._keeper)
        self._turns = Turns()
        self._deeds = Deeds()
        self._left: Left | None = None

    def on_left(self, left: Left) -> None:
        """``left`` is called with the stay of each session that is ended, after that is certain."""
        self._left = left

    # -- one session ---------------------------------------------------------

    async def create(
        self,
        agency: str,
        service: str,
        subject: str,
        policy: SessionPolicy,
        payload: Payload,
        *,
        device: str = "",
        place: str = "",
        level: int = 0,
        level_ms: int = 0,
        network: str = "",
        login: str = "",
        stay: str = "",
    ) -> tuple[str, Session]:
        """A new session and its id, which is nowhere else: only its keyed hash is kept.

        ``stay`` is told to ``on_left`` when the session is ended.

        Raises ValueError for what is out of bounds, PayloadTooLarge and TooManySessions.
        """
        body = Body(subject, encoded(payload), device, place, login=login, stay=stay)
        body.packed()  # before anything is charged or ended for it
        check_level(level, level_ms)
        async with self._counting():
            await self._beginning.charge(agency, policy, network)
            begun = self._beginning.begin(agency, service, policy, body)
            session_id, found = await self._deeds.through(begun)
            if level:
                stepped = self._keeper.write(found, found.stepped(level, level_ms))
                found = self._finding.known(await self._deeds.through(stepped))
        self._counts["created"] += 1
        return session_id, found.session

    async def get(self, agency: str, session_id: str, *, sharing: Sharing | None = None) -> Session:
        """The session; this is no use of it."""
        return (await self._readable(agency, session_id, sharing, use=False)).session

    async def touch(self, agency: str, session_id: str, *, sharing: Sharing | None = None) -> Session:
        """The session; this is a use of it."""
        found = await self._readable(agency, session_id, sharing, use=True)
        self._counts["read"] += 1
        self._counts["touched"] += found.written
        return found.session

    def ask(
        self,
        agency: str,
        session_id: str,
        done: Callable[[Session | Exception], None],
        *,
        use: bool,
        sharing: Sharing | None = None,
    ) -> None:
        """``touch`` if it is a use, else ``get``, without a task: ``done`` gets at a later tick what they
        would return or raise. Whatever is not the usual case is asked as they ask it."""
        names = self._ids.names(agency, session_id)
        if not names:
            self._counts["unknown"] += 1
            done(UnknownSession())
            return

        def answered(reading: Reading) -> None:
            found = self._keeper.at_once(agency, names[0], reading) if isinstance(reading, Stored) else None
            if found is None or (sharing is not None and not sharing(found.session.service)):
                self._ask_on(agency, session_id, done, use=use, sharing=sharing)
                return
            assert isinstance(reading, Stored)
            if use:
                self._counts["read"] += 1
                self._counts["touched"] += found.written
            if reading.before_ms and found.session.durable:
                self._deeds.start(self._keeper.note(found, reading.before_ms))
            done(found.session)

        self._store.post_read(names[0], answered, use=use)

    def _ask_on(
        self,
        agency: str,
        session_id: str,
        done: Callable[[Session | Exception], None],
        *,
        use: bool,
        sharing: Sharing | None,
    ) -> None:
        async def ask() -> None:
            try:
                found: Session | Exception = await (self.touch if use else self.get)(
                    agency, session_id, sharing=sharing
                )
            except Exception as wrong:
                found = wrong
            done(found)

        self._deeds.start(ask())

    async def patch(self, agency: str, session_id: str, version: int | None, changes: Payload) -> Session:
        """Merge fields into the payload; null removes one. ``version``: only into that one; None: into
        whichever is there, again where somebody was quicker. Raises VersionConflict and PayloadTooLarge."""
        async with self._turns.of(session_id):
            return await self._merged(agency, session_id, version, changes)

    async def _merged(self, agency: str, session_id: str, version: int | None, changes: Payload) -> Session:
        for left in reversed(range(MERGES_MAX)):
            found = await self._writable(agency, session_id, version)
            payload = encoded(merged(decoded(found.session.payload), changes))
            try:
                return await self._write(found, replace(found.body, payload=payload))
            except VersionConflict:
                if version is not None or not left:
                    raise
                self._counts["retried"] += 1
        raise AssertionError("unreachable")

    async def replace(self, agency: str, session_id: str, version: int, payload: Payload) -> Session:
        """Another payload instead of that version's. Raises VersionConflict and PayloadTooLarge."""
        raw = encoded(payload)
        found = await self._writable(agency, session_id, version)
        return await self._write(found, replace(found.body, payload=raw))

    async def rotate(
        self,
        agency: str,
        session_id: str,
        *,
        keep: Collection[str] | None = None,
        level: int = 0,
        level_ms: int = 0,
    ) -> tuple[str, Session]:
        """The session under a new id (after sign-in, step-up, a change of rights); the old one is spent.

        ``keep``: of the payload only these fields go along. A level that was stepped up to ends, unless given
        anew. Raises UnknownSession and VersionConflict.
        """
        check_level(level, level_ms)
        for left in reversed(range(MERGES_MAX)):
            found = await self._writable(agency, session_id, None)
            renewed_id = self._ids.renewed(session_id)
            renewed = self._ids.names(agency, renewed_id)[0]
            body = replace(found.stepped(level, level_ms), payload=found.narrowed(keep))
            try:
                async with self._counting():
                    rotated = self._finding.known(
                        await self._deeds.through(self._keeper.rotate(found, renewed, body))
                    )
            except VersionConflict:
                if not left:
                    raise
                self._counts["retried"] += 1
                continue
            self._counts["rotated"] += 1
            return renewed_id, rotated.session
        raise AssertionError("unreachable")

    async def step_up(self, agency: str, session_id: str, level: int, level_ms: int) -> tuple[str, Session]:
        """A higher level, for so long, under a new id: who had only the old one does not rise with it."""
        if level < 1:
            raise ValueError(f"level must be at least 1, not {level}")
        return await self.rotate(agency, session_id, level=level, level_ms=level_ms)

    async def sign_in(
        self,
        agency: str,
        session_id: str,
        service: str,
        subject: str,
        policy: SessionPolicy,
        payload: Payload,
        *,
        keep: Collection[str] = (),
        device: str = "",
        place: str = "",
        level: int = 0,
        level_ms: int = 0,
        login: str = "",
        stay: str = "",
    ) -> tuple[str, Session]:
        """From an anonymous session to a signed-in one: a new session that takes along the named fields only,
        and the old one is ended. Raises as ``create`` does, and UnknownSession."""
        found = await self._writable(agency, session_id, None)
        along = decoded(found.narrowed(keep))
        begun = await self.create(
            agency,
            service,
            subject,
            policy,
            {**along, **payload},
            device=device,
            place=place,
            level=level,
            level_ms=level_ms,
            login=login,
            stay=stay or found.session.stay,
        )
        await self._end(found, "signed-in", leaves=bool(stay and stay != found.session.stay))
        return begun

    # -- ending --------------------------------------------------------------

    async def revoke(self, agency: str, session_id: str, *, reason: str = "signed-out") -> None:
        """End one. Raises UnknownSession when it is not alive."""
        found = await self._readable(agency, session_id, use=False)
        await self._end(found, reason)

    async def revoke_ref(self, agency: str, ref: str, *, reason: str = "ended") -> None:
        """End one by what a list calls it. Raises UnknownSession."""
        names = self._finding.known(of_ref(ref))
        async with self._counting():
            found = await self._keeper.find(agency, names, use=False)
        await self._end(self._finding.known(found if isinstance(found, Found) else None), reason)

    async def revoke_all(
        self,
        agency: str,
        subject: str,
        *,
        except_id: str | None = None,
        reason: str = "signed-out-everywhere",
    ) -> None:
        """End all of a subject's sessions with this agency, in one write, however many they are.

        ``except_id`` goes on, if it is one of them. Raises ValueError, UnknownSession for ``except_id``.
        """
        bounded("subject", subject, TEXT_BYTES_MAX, least=1)
        kept = None if except_id is None else (await self._readable(agency, except_id, use=False)).names
        async with self._counting():
            stays = await self._stays(agency, subject, "" if kept is None else kept.ref)
            for tag in self._ids.tags(agency, subject):
                spared = kept.digest if kept is not None and kept.tag == tag else ""
                await self._deeds.through(self._keeper.end_all(agency, tag, subject, reason, spared))
        self._counts["revoked_all"] += 1
        await self._leave(*stays)

    async def listed(self, agency: str, subject: str) -> tuple[Listed, ...]:
        """The subject's living sessions with this agency; that which was used last comes first."""
        async with self._counting():
            found = await self._all_of(agency, subject)
        return tuple(listed(one) for one in sorted(found, key=lambda one: -one.used_ms))

    async def revocations(self, after: int, limit: int = 1_000) -> Feed:
        """What was revoked since a number, of all agencies. Raises StoreUnavailable."""
        if self._ledger is None:
            return Feed((), 0, gap=False)
        async with self._counting():
            rows, last, forgotten = await self._ledger.rows(after, limit)
        return Feed(tuple(told(self._sealer, row) for row in rows), last, gap=after < forgotten)

    # -- the service ---------------------------------------------------------

    def renew(self, peppers: Sequence[bytes], keys: Sequence[SealKey]) -> None:
        """After a rotation: the first of each is used for what is new. Nobody is signed out."""
        self._ids.renew(peppers)
        self._sealer.renew(keys)

    async def work(self) -> None:
        """Until cancelled: what the hot store still owes, and what the database need not keep."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keeper.owed.run())
            group.create_task(self._sweep())
            group.create_task(self._catch_up())

    def stats(self) -> SessionStats:
        counted = self._counts.copy()
        counted["completed"] = self._keeper.completion.completed
        counted["owed"] = len(self._keeper.owed)
        counted["unsealable"] = self._keeper.unsealable
        return SessionStats(**{name: counted[name] for name in SessionStats.__slots__})

    # -- inside --------------------------------------------------------------

    async def _readable(
        self, agency: str, session_id: str, sharing: Sharing | None = None, *, use: bool
    ) -> Found:
        async with self._counting():
            return await self._finding.readable(agency, session_id, sharing, use=use)

    async def _writable(self, agency: str, session_id: str, version: int | None) -> Found:
        async with self._counting():
            return await self._finding.writable(agency, session_id, version)

    async def _write(self, found: Found, body: Body) -> Session:
        async with self._counting():
            written = self._finding.known(await self._deeds.through(self._keeper.write(found, body)))
        self._counts["updated"] += 1
        return written.session

    async def _end(self, found: Found, reason: str, *, leaves: bool = True) -> None:
        async with self._counting():
            await self._deeds.through(self._keeper.end(found.agency, found.names, found.session, reason))
        self._counts["revoked"] += 1
        if leaves and found.session.stay:
            await self._leave(found.session.stay)

    async def _all_of(self, agency: str, subject: str) -> list[Session]:
        return [
            one.session
            for tag in self._ids.tags(agency, subject)
            for one in await self._keeper.all_of(agency, tag)
        ]

    async def _stays(self, agency: str, subject: str, but: str) -> list[str]:
        """What will be left when all of a subject's sessions are ended. A slot that is not told is free when
        its pass ends: nobody stays signed in for its sake."""
        if self._left is None:
            return []
        with suppress(StoreUnavailable):
            return [one.stay for one in await self._all_of(agency, subject) if one.stay and one.ref != but]
        return []

    async def _leave(self, *stays: str) -> None:
        if self._left is not None:
            for stay in stays:
                await self._left(stay)

    @asynccontextmanager
    async def _counting(self) -> AsyncIterator[None]:
        try:
            yield
        except StoreUnavailable:
            self._counts["unavailable"] += 1
            raise
        except VersionConflict:
            self._counts["conflicts"] += 1
            raise
        except TooManySessions:
            self._counts["refused"] += 1
            raise

    async def _catch_up(self) -> None:
        while True:
            try:
                return await self._keeper.catch_up()
            except StoreUnavailable as away:
                _log.warning("sign-outs of the last minutes are not checked yet", reason=str(away))
            await asyncio.sleep(CATCH_UP_S)

    async def _sweep(self) -> None:
        while self._ledger is not None:
            await asyncio.sleep(SWEEP_S)
            try:
                await self._ledger.sweep()
            except StoreUnavailable as away:
                _log.warning("what is over is not deleted yet", reason=str(away))


def _of_pepper(ids: Ids) -> Sealer:
    return Sealer([SealKey("00000000", hmac.digest(ids.pepper, b"seal", "sha256"))])
