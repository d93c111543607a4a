"""What is committed in the database and the hot store did not take: done later, until it is done.

Its callers were told that nobody knows (503). A revocation that only the database knows would hold from the
subject's next completion on; this makes it hold as soon as the store is back.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sadd.session.store import StoreUnavailable

T = TypeVar("T")

OWED_MAX = 10_000
EVERY_S = 0.2


class Owed:
    """The latest for each key. Of more than OWED_MAX the oldest are dropped, and counted."""

    def __init__(self) -> None:
        self._owed: OrderedDict[tuple[str, str], Callable[[], Awaitable[object]]] = OrderedDict()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._owed)

    async def now_or_later(self, key: tuple[str, str], deed: Callable[[], Awaitable[T]]) -> T:
        """What ``deed`` answers. Raises StoreUnavailable when it is owed now."""
        try:
            done = await deed()
        except BaseException:  # cancelled as well: it is committed, so it is owed
            self._owed[key] = deed
            self._owed.move_to_end(key)
            if len(self._owed) > OWED_MAX:
                self._owed.popitem(last=False)
                self.dropped += 1
            raise
        self._owed.pop(key, None)
        return done

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.settle()

    async def settle(self) -> None:
        """Try each once; the first that fails ends the round."""
        for key, deed in list(self._owed.items()):
            try:
                await deed()
            except StoreUnavailable:
                return
            if self._owed.get(key) is deed:
                del self._owed[key]
