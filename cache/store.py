"""What the cache asks of a store: five questions, each answered in one trip and at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cache.answers import Full, Stored, Superseded, Usage
from cache.entry import Content, Entry
from cache.policy import Times
from cache.space import Space


class StoreUnavailable(Exception):
    """The store did not answer in time or at all.

    A look-up then is a miss. A put or a purge is refused: whoever purges must know that it did not happen.
    """


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry as it is worth at a moment: fresh, stale, spare, kept, none, expired, unreadable, tag-purged
    or namespace-purged; there is an entry with the first four."""

    verdict: str
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """An entry and who may load it: ``token`` is ours, ``ends_ms`` another's, ``open_until_ms`` all's."""

    now_ms: int
    seen: Seen
    token: int = 0
    ends_ms: int = 0
    open_until_ms: int = 0


class Store(Protocol):
    """``now_ms`` replaces the store's clock (tests). Each raises StoreUnavailable."""

    async def lookup(
        self, space: Space, keys: Sequence[str], now_ms: int | None = None
    ) -> tuple[int, list[Seen]]:
        """When it was, and what each of up to 1,000 keys is worth."""

    async def lease(
        self, space: Space, key: str, lease_ms: int, *, early: bool = False, now_ms: int | None = None
    ) -> Asked:
        """The entry; the right to load it too if it is not fresh (or ``early``) and nobody has it."""

    async def hold(
        self,
        space: Space,
        key: str,
        token: int,
        lease_ms: int,
        *,
        open_ms: int = 0,
        now_ms: int | None = None,
    ) -> bool:
        """Make a lease end ``lease_ms`` from now; 0 gives it back, to everybody for ``open_ms``."""

    async def fill(
        self,
        space: Space,
        key: str,
        token: int | None,
        content: Content,
        times: Times,
        *,
        cost_ms: int = 0,
        now_ms: int | None = None,
    ) -> Stored | Superseded | Full:
        """Store the entry: under the lease of ``token``, or whatever was there."""

    async def purge(
        self,
        space: Space,
        keys: Sequence[str],
        tags: Sequence[str],
        *,
        everything: bool = False,
        soft: bool = False,
        now_ms: int | None = None,
    ) -> tuple[int, int]:
        """The purge's stamp, and how many entries were found by key."""

    async def peek(self, space: Space, key: str, now_ms: int | None = None) -> Asked:
        """The entry and who has the right to load it, with nothing changed."""

    async def usage(self, space: Space) -> Usage: ...
