"""What the session service asks of its stores: each operation of the hot one is one round trip."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from sadd.session.ids import Names
from sadd.session.policy import SessionPolicy

PAGE_SESSIONS = 50
"""A session has up to 16 KiB: a page is under a megabyte."""


class StoreUnavailable(Exception):
    """A store did not answer in time or at all. Nobody knows whether the session lives: say so, with 503.

    It must never be taken for "not signed in".
    """


class VersionConflict(Exception):
    """Somebody else updated the session first; ``version`` is what it has now."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the session is at version {version}")
        self.version = version


class Foreign(Exception):
    """What the store holds of the subject was not completed for this run of it, and may be older than what
    was acknowledged. ``since_ms`` and ``run`` are to be shown when it is; ``held``: there is a record."""

    def __init__(self, since_ms: int, run: bytes, *, held: bool) -> None:
        super().__init__("the subject is to be completed from the database first")
        self.since_ms = since_ms
        self.run = run
        self.held = held


class Stored(Struct, frozen=True, gc=False):
    """A living session's record. ``before_ms`` is its last use before this; 0 when this was not written."""

    record: bytes
    read_ms: int
    before_ms: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """The id was rotated away; ``digest`` is the new one's."""

    digest: str
    graceful: bool
    """Within the grace: who shows it was on his way."""
    first: bool
    """Nobody showed it before, since the grace ended: the event is raised once."""


@dataclass(frozen=True, slots=True)
class Full:
    """The subject has as many sessions as it may; ``oldest`` are those that would have to end."""

    retry_after_ms: int
    oldest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Legacy:
    """What the database knows of a subject."""

    generation: int = 0
    kept: str = ""
    """The digest that the last revocation of all left alive."""
    ended: tuple[str, ...] = ()
    records: tuple[tuple[str, bytes], ...] = ()
    """Digest and record, as they are to be written."""

    @property
    def empty(self) -> bool:
        return not (self.generation or self.ended or self.records)


Reading = Stored | Moved | Exception | None


class Store(Protocol):
    """``now_ms`` replaces the store's clock (tests). None is returned for a session that is not alive.

    Each raises StoreUnavailable and, where a subject is read, Foreign; each may be repeated without harm.
    """

    async def create(
        self, names: Names, policy: SessionPolicy, tail: bytes, now_ms: int | None = None
    ) -> Stored | Full:
        """A new session at version 1, under its subject's present generation."""

    async def read(self, names: Names, *, use: bool, now_ms: int | None = None) -> Stored | Moved | None: ...

    def post_read(
        self, names: Names, done: "Callable[[Reading], None]", *, use: bool, now_ms: int | None = None
    ) -> None:
        """``read`` without a task: ``done`` gets at a later tick what it would return or raise."""

    async def update(
        self, names: Names, version: int, tail: bytes, *, decided: bool = False, now_ms: int | None = None
    ) -> Stored | Moved | None:
        """Replace what follows the head. Raises VersionConflict when ``version`` is not the present one;
        ``decided``: the journal took it already, so it is written over any older one."""

    async def rotate(
        self,
        names: Names,
        renewed: Names,
        version: int,
        tail: bytes,
        *,
        decided: bool = False,
        now_ms: int | None = None,
    ) -> Stored | Moved | None:
        """The session under a new id; the old one is a tombstone at once. Raises VersionConflict."""

    async def end(self, names: Names) -> str:
        """A tombstone in its place. The digest that it was rotated to, to be ended as well; or empty."""

    async def end_all(self, tag: str, generation: int, kept: str = "") -> None:
        """All of a subject that were made under a lower generation are over, but ``kept``. It does nothing
        when the subject's is as high already; 0: the next one."""

    async def page(
        self, tag: str, after: int, now_ms: int | None = None
    ) -> tuple[int, list[tuple[str, bytes]]]:
        """The store's time, and a page of the subject's living sessions: digest and record."""

    async def complete(self, tag: str, legacy: Legacy, foreign: Foreign, now_ms: int | None = None) -> None:
        """Take in what the database knows; from then on this run of the store may speak for the subject.

        Raises Foreign when that took too long or another server answers by now.
        """

    async def doubt(self, tag: str) -> None:
        """The store must not speak for the subject until it is completed again."""

    async def charge(self, network: bytes, most: int, window_ms: int) -> int:
        """Count a session that a network begins. 0, or in how many ms it may begin the next."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A revocation on its way to the database. ``ref`` empty: all sessions under the tag but ``kept``."""

    agency: str
    service: str
    tag: str
    digest: str
    subject: bytes = field(repr=False)
    reason: str
    kept: str = ""
    until_ms: int = 0
    """When the session would have ended in any case; 0 = as long as any may live."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record for the journal. ``instead_of`` is the digest that it replaces at version ``expected``;
    empty for a new session."""

    tag: str
    digest: str
    version: int
    used_ms: int
    absolute_ms: int
    record: bytes = field(repr=False)
    instead_of: str = ""
    expected: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A revocation as the database keeps it, for the feed."""

    seq: int
    at_ms: int
    agency: str
    service: str
    tag: str
    digest: str
    kept: str
    subject: bytes = field(repr=False)
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A committed revocation, as far as the hot store is told of it."""

    tag: str
    digest: str
    kept: str
    generation: int


class Ledger(Protocol):
    """What must survive the hot store. Each is one statement and one commit. Raises StoreUnavailable."""

    async def revoke(self, endings: Sequence[Ending]) -> list[int]:
        """Committed, and what they end is gone from the journal. The generation of each."""

    async def legacies(self, tags: Sequence[str]) -> list[Legacy]: ...

    async def write(self, entries: Sequence[Entry]) -> list[bool]:
        """False where the version was another, or there is no such session any more."""

    async def note(self, uses: Sequence[tuple[str, str, int]]) -> list[None]:
        """Tag, digest and ms of last uses."""

    async def rows(self, after: int, limit: int) -> tuple[list[Row], int, int]:
        """Revocations above a number; the newest number; and the highest that was forgotten."""

    async def recent(self, seconds: float) -> list[Ended]:
        """What was revoked within so long, the oldest first."""

    async def sweep(self) -> int:
        """Delete what is of no use any more, some thousands at a time; how many."""
