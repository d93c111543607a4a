"""Entries of many visitors in one commit.

::

    enter enter enter ──▶ waiting ──▶ one statement ──▶ indices
               enter ──────▲   (the next one, while the first is on its way)
"""

import asyncio

from queueing.draw.store import Refused, Store, TooLate
from queueing.store import StoreUnavailable

BATCH_MAX = 1_000
WAITING_MAX = 20_000

Key = tuple[str, int]
Asking = dict[bytes, "list[asyncio.Future[int]]"]


class Gathering:
    """Takes entries in; each is committed before its visitor is answered."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[Key, Asking] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._count = 0
        self.commits = 0

    async def enter(self, room: str, draw: int, entry: bytes) -> int:
        """The entry's index, the same for whoever asks again. Raises TooLate, StoreUnavailable."""
        if self._count >= WAITING_MAX:
            raise StoreUnavailable("draws: too many entries wait to be committed")
        key = room, draw
        index: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, {}).setdefault(entry, []).append(index)
        self._count += 1
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._write(key))
        return await index

    async def _write(self, key: Key) -> None:
        try:
            while self._waiting.get(key):
                await self._commit(key, self._taken(key))
        finally:
            left = self._waiting.pop(key, {})
            del self._tasks[key]
            for asking in left.values():
                self._count -= len(asking)
                _refuse(asking, StoreUnavailable("draws: not asked to the end"))

    def _taken(self, key: Key) -> Asking:
        waiting = self._waiting[key]
        taken = {entry: waiting.pop(entry) for entry in list(waiting)[:BATCH_MAX]}
        self._count -= sum(map(len, taken.values()))
        return taken

    async def _commit(self, key: Key, taken: Asking) -> None:
        try:
            indices = await self._store.gather(*key, list(taken))
        except BaseException as error:
            # Whatever it was, nobody of these is left waiting for an answer that does not come.
            for asking in taken.values():
                _refuse(asking, StoreUnavailable(str(error)))
            # Refused: the start came between two looks at the clock. Who asks again is told that he is late.
            if not isinstance(error, StoreUnavailable | Refused):
                raise
            return
        self.commits += 1
        for entry, asking in taken.items():
            if entry not in indices:
                _refuse(asking, TooLate("the draw takes no more entries"))
                continue
            for future in asking:
                if not future.done():
                    future.set_result(indices[entry])


def _refuse(asking: "list[asyncio.Future[int]]", error: Exception) -> None:
    for future in asking:
        if not future.done():
            future.set_exception(error)
