"""A function whose results are kept. Made by ``cached`` of a cache, for both kinds of functions."""

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from sadd_client.caching.entry import CONTENT_TYPE, Loaded
from sadd_client.caching.recipe import Codec, Names

if TYPE_CHECKING:
    from sadd_client.caching.cache import AsyncCache, Cache

P = ParamSpec("P")
R = TypeVar("R")


class _Kept(Generic[P]):
    """What both kinds have. ``words`` go to ``get_or_load`` as they are."""

    def __init__(self, function: Callable[P, Any], names: Names, codec: Codec, words: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)  # type: ignore[arg-type]  # its kinds are callable
        self._function, self._names, self._codec, self._words = function, names, codec, words

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """What the result of this call is kept under."""
        return self._names.of(*args, **kwargs)[0]

    def tags(self, *args: P.args, **kwargs: P.kwargs) -> tuple[str, ...]:
        """What it can be purged by."""
        return self._names.of(*args, **kwargs)[1]

    def _loaded(self, found: object) -> Loaded:
        """A function may return Loaded itself, where its results differ in how they are kept."""
        if not isinstance(found, Loaded):
            return Loaded(self._codec.encode(found), self._codec.content_type)
        if found.content_type != CONTENT_TYPE:
            return found
        return Loaded(found.body, self._codec.content_type, found.times, found.tags, found.shared)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        # Each of the two kinds is callable, of which this part knows nothing.
        return self if instance is None else functools.partial(cast("Callable[..., Any]", self), instance)


class AsyncCached(_Kept[P], Generic[P, R]):
    """Call it like the function."""

    def __init__(
        self,
        cache: "AsyncCache",
        function: Callable[P, Awaitable[R]],
        names: Names,
        codec: Codec,
        words: dict[str, Any],
    ) -> None:
        super().__init__(function, names, codec, words)
        self._cache = cache

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        key, tags = self._names.of(*args, **kwargs)

        async def load() -> Loaded:
            return self._loaded(await self._function(*args, **kwargs))

        entry = await self._cache.get_or_load(key, load, tags=tags, **self._words)
        found: R = self._codec.decode(entry.body)
        return found

    async def forget(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """What this call returned is not served any more, anywhere; loads under way are not stored."""
        await self._cache.delete(self.key(*args, **kwargs))


class Cached(_Kept[P], Generic[P, R]):
    """Call it like the function."""

    def __init__(
        self,
        cache: "Cache",
        function: Callable[P, R],
        names: Names,
        codec: Codec,
        words: dict[str, Any],
    ) -> None:
        super().__init__(function, names, codec, words)
        self._cache = cache

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        key, tags = self._names.of(*args, **kwargs)

        def load() -> Loaded:
            return self._loaded(self._function(*args, **kwargs))

        entry = self._cache.get_or_load(key, load, tags=tags, **self._words)
        found: R = self._codec.decode(entry.body)
        return found

    def forget(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """What this call returned is not served any more, anywhere; loads under way are not stored."""
        self._cache.delete(self.key(*args, **kwargs))
