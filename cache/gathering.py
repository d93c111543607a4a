"""Look-ups of one event-loop tick travel together: one call of the script for each namespace.

A script costs the store 7 us before it looks at a key, and 2 us for each key then.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeAlias

from cache.space import Space
from cache.store import Seen, StoreUnavailable

KEYS_MAX = 64
"""In one call: a longer one would keep the store's other callers waiting."""

Lookup: TypeAlias = Callable[[Space, Sequence[str]], Coroutine[Any, Any, tuple[list[Seen], int]]]
Task: TypeAlias = "asyncio.Task[tuple[list[Seen], int]]"
Answer: TypeAlias = "asyncio.Future[Seen]"


class _Group:
    __slots__ = ("asked", "space")

    def __init__(self, space: Space) -> None:
        self.space = space
        self.asked: dict[str, list[Answer]] = {}


class Gathering:
    """``ask`` gives a future each; an asker that gives up harms no other."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._groups: dict[int, _Group] = {}
        self._tasks: set[Task] = set()

    def ask(self, space: Space, key: str) -> Answer:
        """What the key is worth. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        if not self._groups:
            loop.call_soon(self._send)
        group = self._groups.get(id(space))  # it is held by the group, so the number is its own
        if group is None:
            group = self._groups[id(space)] = _Group(space)
        answer: Answer = loop.create_future()
        group.asked.setdefault(key, []).append(answer)
        return answer

    def _send(self) -> None:
        groups, self._groups = self._groups, {}
        loop = asyncio.get_running_loop()
        for group in groups.values():
            keys = list(group.asked)
            for at in range(0, len(keys), KEYS_MAX):
                part = keys[at : at + KEYS_MAX]
                task = loop.create_task(self._lookup(group.space, part))
                self._tasks.add(task)  # the loop itself holds tasks weakly
                task.add_done_callback(partial(self._answered, group, part))

    def _answered(self, group: _Group, keys: Sequence[str], task: Task) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            error: BaseException | None = StoreUnavailable("the cache is closed")
        else:
            error = task.exception()
        seen = task.result()[0] if error is None else []
        for place, key in enumerate(keys):
            for answer in group.asked[key]:
                if answer.done():
                    continue
                if error is None:
                    answer.set_result(seen[place])
                else:
                    answer.set_exception(_own(error))

    async def aclose(self) -> None:
        """Ends what is under way; who waits is told that the store is unavailable."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _own(error: BaseException) -> BaseException:
    """An exception of its own for each asker: tracebacks grow on the object."""
    return StoreUnavailable(str(error)) if isinstance(error, StoreUnavailable) else error
