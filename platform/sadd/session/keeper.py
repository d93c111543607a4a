"""One session over both stores: the hot one answers, and the database knows first what must not be lost.

| deed | hot class | durable class |
|---|---|---|
| begin | hot store | hot store, then the journal, then the answer |
| write, rotate | hot store decides by version | the journal decides by version, then the hot store |
| end, end all | the database, then the hot store, then the answer | the same, and it leaves the journal |

So the hot store is never ahead of what was committed of a durable session but for one that begins, whose id
nobody has yet; and where it is behind, the next write finds out and the subject is completed anew.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import partial

import structlog
from msgspec import Struct

from sadd.sealing import Unsealable
from sadd.session.completion import Completion
from sadd.session.ids import Names
from sadd.session.journal import Journal
from sadd.session.owed import Owed
from sadd.session.payload import decoded, encoded
from sadd.session.policy import PARALLEL_MAX, SessionPolicy
from sadd.session.postgres import USES_OF_IDLE
from sadd.session.record import Body, Sealing, Session, rewritten, tail, unpacked
from sadd.session.revocations import sealed_subject
from sadd.session.store import (
    PAGE_SESSIONS,
    Ending,
    Entry,
    Full,
    Moved,
    Store,
    Stored,
    StoreUnavailable,
    VersionConflict,
)

SUCCESSORS_MAX = 8
RECENT_S = 300.0
"""A worker that died is started again sooner."""
_log = structlog.get_logger("sadd.session")


class Found(Struct, frozen=True, gc=False):
    """A living session, and the record that it was read from."""

    agency: str
    names: Names
    session: Session
    record: bytes
    written: bool = False
    """This use was written."""

    @property
    def body(self) -> Body:
        of = self.session
        labels = of.device, of.place, of.level, of.level_until_ms, of.login, of.stay
        return Body(of.subject, of.payload, *labels)

    def stepped(self, level: int, level_ms: int) -> Body:
        """With a level that ends after so long, no later than the session; with none for level 0."""
        until = min(self.session.read_ms + level_ms, self.session.absolute_ms) if level else 0
        return replace(self.body, level=level, level_until_ms=until)

    def narrowed(self, keep: Collection[str] | None) -> bytes:
        """The payload with only these fields; None: with all."""
        if keep is None:
            return self.session.payload
        fields = decoded(self.session.payload)
        return encoded({name: value for name, value in fields.items() if name in keep})


def check_level(level: int, level_ms: int) -> None:
    """Raises ValueError."""
    if level and level_ms < 1:
        raise ValueError(f"level_ms must be at least 1, not {level_ms}")


class Keeper:
    """``journal`` None: no database. What is revoked holds in the hot store only (tests of other parts)."""

    def __init__(self, store: Store, sealing: Sealing, journal: Journal | None) -> None:
        self._store = store
        self._sealing = sealing
        self._journal = journal
        self.completion = Completion(store, journal)
        self.owed = Owed()
        self.unsealable = 0

    async def begin(
        self, agency: str, service: str, names: Names, policy: SessionPolicy, body: Body
    ) -> Found | Full:
        """Raises ValueError for a body out of bounds."""
        packed = tail(self._sealing, agency, service, names, 1, body)
        begun = await self.completion.over(
            names.tag, lambda: self._store.create(names, policy, packed), begins=True
        )
        assert begun is not None
        if isinstance(begun, Full):
            return begun
        found = self._opened(agency, names, begun)
        assert found is not None
        if found.session.durable and self._journal is not None:
            await self._enter(self._journal, found)
        return found

    async def _enter(self, journal: Journal, found: Found) -> None:
        of = found.session
        entry = Entry(found.names.tag, found.names.digest, 1, of.used_ms, of.absolute_ms, found.record)
        try:
            await journal.write(entry)
        except BaseException:
            # Nobody was told its id. What stays of it until it idles away counts for the subject's cap.
            await self.owed.now_or_later((found.names.ref, "end"), lambda: self._store.end(found.names))
            raise

    async def find(self, agency: str, names: Names, *, use: bool) -> Found | Moved | None:
        """None: not alive, or not here. A use of a durable session is noted in the journal now and then."""
        stored = await self.completion.over(names.tag, lambda: self._store.read(names, use=use))
        if stored is None or isinstance(stored, Moved):
            return stored
        found = self._opened(agency, names, stored)
        if found is not None and stored.before_ms and found.session.durable:
            await self._note(found, stored.before_ms)
        return found

    def at_once(self, agency: str, names: Names, stored: Stored) -> Found | None:
        """What ``find`` makes of a record, but that a use of a durable session is for the caller to note."""
        return self._opened(agency, names, stored)

    async def note(self, found: Found, before_ms: int) -> None:
        """A use of a durable session, whose last one was then."""
        await self._note(found, before_ms)

    async def _note(self, found: Found, before_ms: int) -> None:
        quarter = max(found.session.idle_ms // USES_OF_IDLE, 1)
        if self._journal is None or before_ms // quarter == found.session.used_ms // quarter:
            return
        try:
            await self._journal.note(found.names.tag, found.names.digest, found.session.used_ms)
        except StoreUnavailable:
            # The session lives; only if the store were lost as well would it idle away early.
            _log.warning("a use is not noted in the journal", session=found.names.digest[:8])

    async def write(self, found: Found, body: Body) -> Found | None:
        """Another body, if nobody changed the session meanwhile. Raises VersionConflict."""
        version, names = found.session.version, found.names
        packed = tail(self._sealing, found.agency, found.session.service, names, version + 1, body)
        decided = found.session.durable and self._journal is not None
        if decided and not await self._decide(found, names, packed):
            return None

        async def deed() -> Stored | Moved | None:
            return await self.completion.over(
                names.tag, lambda: self._store.update(names, version, packed, decided=decided)
            )

        written = await (self.owed.now_or_later((names.ref, "write"), deed) if decided else deed())
        return self._opened(found.agency, names, written) if isinstance(written, Stored) else None

    async def rotate(self, found: Found, renewed: Names, body: Body) -> Found | None:
        """Another id and body, if nobody changed the session meanwhile. Raises VersionConflict."""
        version, names, agency = found.session.version, found.names, found.agency
        packed = tail(self._sealing, agency, found.session.service, renewed, version + 1, body)
        decided = found.session.durable and self._journal is not None
        if decided and not await self._decide(found, renewed, packed):
            return None

        async def deed() -> Stored | Moved | None:
            return await self.completion.over(
                names.tag, lambda: self._store.rotate(names, renewed, version, packed, decided=decided)
            )

        rotated = await (self.owed.now_or_later((names.ref, "write"), deed) if decided else deed())
        if isinstance(rotated, Stored):
            return self._opened(agency, renewed, rotated)
        if decided:  # it was ended meanwhile: the journal must not keep it under an id that nobody has
            await self.end(agency, renewed, found.session, "superseded")
        return None

    async def _decide(self, found: Found, names: Names, packed: bytes) -> bool:
        """Whether the journal took it. Raises VersionConflict, with the hot store brought up to it."""
        assert self._journal is not None
        of = found.session
        entry = Entry(
            names.tag,
            names.digest,
            of.version + 1,
            of.read_ms,
            of.absolute_ms,
            rewritten(found.record, of.version + 1, of.read_ms, packed),
            instead_of=found.names.digest,
            expected=of.version,
        )
        if await self._journal.write(entry):
            return True
        await self._store.doubt(names.tag)
        again = await self.find(found.agency, found.names, use=False)
        if not isinstance(again, Found):
            return False
        if again.session.version != of.version:
            raise VersionConflict(again.session.version)
        await self._store.end(found.names)  # the database does not know it: it was ended, or never begun
        return False

    async def end(self, agency: str, names: Names, session: Session, reason: str) -> None:
        """Committed, then in force in the hot store. What it was rotated to meanwhile is ended with it."""
        await self._commit_end(agency, names, session, reason)

        async def deed() -> None:
            following = names
            for _ in range(SUCCESSORS_MAX):
                digest = await self._store.end(following)
                if not digest:
                    return
                following = Names(names.tag, digest)
                await self._commit_end(agency, following, session, reason)

        await self.owed.now_or_later((names.ref, "end"), deed)

    async def _commit_end(self, agency: str, names: Names, session: Session, reason: str) -> None:
        if self._journal is None:
            return
        subject = sealed_subject(self._sealing, names.tag, session.subject)
        await self._journal.revoke(
            Ending(
                agency,
                session.service,
                names.tag,
                names.digest,
                subject,
                reason,
                until_ms=session.absolute_ms,
            )
        )

    async def end_all(self, agency: str, tag: str, subject: str, reason: str, kept: str = "") -> None:
        """Committed, then in force in the hot store, however many there are."""
        generation = 0
        if self._journal is not None:
            sealed = sealed_subject(self._sealing, tag, subject)
            generation = await self._journal.revoke(Ending(agency, "", tag, "", sealed, reason, kept))
        await self.owed.now_or_later((tag, "end all"), lambda: self._store.end_all(tag, generation, kept))

    async def catch_up(self) -> None:
        """Tell the hot store again what was revoked lately: somebody may have died between commit and that.

        Doing so twice does nothing. Raises StoreUnavailable.
        """
        if self._journal is None:
            return
        for ended in await self._journal.ledger.recent(RECENT_S):
            digest = ended.digest
            while digest:
                digest = await self._store.end(Names(ended.tag, digest))
            if not ended.digest:
                await self._store.end_all(ended.tag, ended.generation, ended.kept)

    async def all_of(self, agency: str, tag: str) -> list[Found]:
        """The subject's living sessions, that with the earliest absolute end first."""
        found: list[Found] = []
        for after in range(0, PARALLEL_MAX, PAGE_SESSIONS):
            page = await self.completion.over(tag, partial(self._store.page, tag, after), begins=True)
            assert page is not None
            now_ms, sessions = page
            opened = (self._opened(agency, Names(tag, name), Stored(at, now_ms)) for name, at in sessions)
            found.extend(one for one in opened if one is not None)
            if len(sessions) < PAGE_SESSIONS:
                break
        return found

    def _opened(self, agency: str, names: Names, stored: Stored) -> Found | None:
        try:
            session = unpacked(self._sealing, agency, names, stored.record, stored.read_ms)
        except Unsealable as shut:
            self.unsealable += 1
            _log.warning("a session cannot be opened", session=names.digest[:8], reason=str(shut))
            return None
        return Found(agency, names, session, stored.record, bool(stored.before_ms))
