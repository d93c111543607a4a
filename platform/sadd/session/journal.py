"""What is committed before it is answered, of many callers in one statement: the ledger in group commits."""

from collections.abc import Awaitable
from typing import TypeVar

from queueing.group import Group
from queueing.store import StoreUnavailable as GroupFull
from sadd.session.store import Ending, Entry, Ledger, Legacy, StoreUnavailable

T = TypeVar("T")


class Journal:
    """Gathers what many callers want kept, or known. Each raises StoreUnavailable."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        # Generations come back in the order of the questions: the statement gives them out so.
        self._endings: Group[Ending, int] = Group(ledger.revoke, lambda each: (each.tag, each.digest))
        self._entries: Group[Entry, bool] = Group(
            ledger.write, lambda each: (each.tag, each.instead_of or each.digest)
        )
        self._uses: Group[tuple[str, str, int], None] = Group(ledger.note, lambda use: use[:2])
        self._legacies: Group[str, Legacy] = Group(ledger.legacies, lambda tag: tag)

    async def revoke(self, ending: Ending) -> int:
        """The revocation's generation, once it is committed."""
        return await _asked(self._endings.ask(ending))

    async def write(self, entry: Entry) -> bool:
        """Once it is committed; False: the version was another, or there is no such session any more."""
        return await _asked(self._entries.ask(entry))

    async def note(self, tag: str, digest: str, used_ms: int) -> None:
        await _asked(self._uses.ask((tag, digest, used_ms)))

    async def legacy(self, tag: str) -> Legacy:
        return await _asked(self._legacies.ask(tag))


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except GroupFull as full:
        raise StoreUnavailable(str(full)) from full
