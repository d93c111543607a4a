"""Look-ups of one tick travel together, and each asker has an answer of its own."""

import asyncio
from collections.abc import Sequence

import pytest

from cache.gathering import KEYS_MAX, Gathering
from cache.space import Space
from cache.store import Seen, StoreUnavailable

SPACE, OTHER = Space("moe", "results"), Space("moe", "other")


class Asked:
    """A store that writes down what it is asked for."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.calls: list[tuple[str, list[str]]] = []
        self._fails = fails

    async def __call__(self, space: Space, keys: Sequence[str]) -> tuple[list[Seen], int]:
        self.calls.append((space.name, list(keys)))
        await asyncio.sleep(0)
        if self._fails is not None:
            raise self._fails
        return [Seen(f"{space.name} {key}") for key in keys], 0


async def test_a_tick_is_one_call_a_namespace() -> None:
    """The same key once, however many ask for it; no more than KEYS_MAX in one."""
    asked = Asked()
    gathering = Gathering(asked)
    keys = ["a", "b", "a"]
    found = await asyncio.gather(*(gathering.ask(space, key) for space in (SPACE, OTHER) for key in keys))
    names = [f"{space.name} {key}" for space in (SPACE, OTHER) for key in keys]
    assert [one.verdict for one in found] == names
    assert asked.calls == [("moe:results", ["a", "b"]), ("moe:other", ["a", "b"])]
    await asyncio.gather(*(gathering.ask(SPACE, str(number)) for number in range(KEYS_MAX + 1)))
    assert [len(keys) for _, keys in asked.calls[2:]] == [KEYS_MAX, 1]


async def test_who_gives_up_harms_nobody() -> None:
    """The others of his trip get their answers."""
    gathering = Gathering(Asked())
    first, second = gathering.ask(SPACE, "k"), gathering.ask(SPACE, "k")
    first.cancel()
    assert (await second).verdict == "moe:results k"


async def test_an_error_is_told_to_each() -> None:
    """One object for each: tracebacks grow on it."""
    gathering = Gathering(Asked(StoreUnavailable("away")))
    found = await asyncio.gather(*(gathering.ask(SPACE, "k") for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in found] == ["away"] * 3
    assert len({id(error) for error in found}) == 3
    waiting = gathering.ask(SPACE, "k")
    await asyncio.sleep(0)
    await gathering.aclose()
    with pytest.raises(StoreUnavailable, match="closed"):
        await waiting
