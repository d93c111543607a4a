"""Group commits: claims of many visitors, one statement.

::

    claim claim claim ──▶ waiting ──▶ one INSERT ──▶ answered
               claim ──────▲   (the next one, while the first is on its way)
"""

import asyncio
from collections import OrderedDict

from queueing.store import Claim, Ledger, Stale, StoreUnavailable

ROWS_MAX = 1_000
WAITING_MAX = 20_000
KNOWN_MAX = 20_000
"""Claims that this process knows to be committed: who only asks again costs no commit."""

Key = tuple[str, str, int]


class Journal:
    """Commits claims before they are answered."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: OrderedDict[Claim, list[asyncio.Future[None]]] = OrderedDict()
        self._known: OrderedDict[Claim, None] = OrderedDict()
        self._writing: asyncio.Task[None] | None = None
        self.commits = 0
        self.rows = 0

    async def keep(self, claim: Claim) -> None:
        """Returns once the claim is committed. Raises StoreUnavailable; Stale when a later life has begun."""
        if claim in self._known:
            return
        if len(self._waiting) >= WAITING_MAX:
            raise StoreUnavailable("journal: too many claims wait to be committed")
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(claim, []).append(kept)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        await kept

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                await self._write(self._taken())
        finally:
            self._writing = None

    def _taken(self) -> dict[Claim, list[asyncio.Future[None]]]:
        """What goes into one statement: at most one claim for each number, the others follow."""
        taken: dict[Claim, list[asyncio.Future[None]]] = {}
        numbers: set[Key] = set()
        for claim in list(self._waiting):
            key = claim.room, claim.lane, claim.number
            if key not in numbers:
                numbers.add(key)
                taken[claim] = self._waiting.pop(claim)
            if len(taken) == ROWS_MAX:
                break
        return taken

    async def _write(self, taken: dict[Claim, list[asyncio.Future[None]]]) -> None:
        try:
            kept = await self._ledger.write(list(taken))
        except BaseException as error:  # cancelled as well: the loop ends, and nobody may wait for ever
            for asking in taken.values():
                for future in asking:
                    _fail(future, error)
            if not isinstance(error, Exception):
                raise
            return
        self.commits += 1
        self.rows += len(taken)
        for claim, asking in taken.items():
            fresh = (claim.room, claim.life) in kept
            if fresh:
                self._remember(claim)
            for future in asking:
                if not fresh:
                    _fail(future, Stale(claim.room))
                elif not future.done():
                    future.set_result(None)

    def _remember(self, claim: Claim) -> None:
        self._known[claim] = None
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)


def _fail(future: "asyncio.Future[None]", error: BaseException) -> None:
    """A new exception for each: a shared one would gather everybody's traceback."""
    if not future.done():
        future.set_exception(
            type(error)(*error.args) if isinstance(error, Exception) else StoreUnavailable("the process ends")
        )
