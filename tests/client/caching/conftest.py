"""A model of the platform, and callers of both kinds who are closed after each test."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from sadd_client import AsyncClient, Client
from tests.client.caching.callers import AsyncCaller, Caller, ThreadCaller
from tests.client.caching.model import Model, model
from tests.client.doors import KEY

Open = Callable[..., Caller]


@pytest.fixture
def platform() -> Iterator[Model]:
    with model() as made:
        yield made


@pytest.fixture(params=["asyncio", "threads"])
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """``opened(url, **words of cache)`` is a cache of either kind; the test runs with both."""
    made: list[Caller] = []

    def open_one(url: str, *, key: str = KEY, deadline_seconds: float = 5.0, **words: Any) -> Caller:
        said: dict[str, Any] = {"key": key, "on_loss": "closed", "deadline_seconds": deadline_seconds}
        one: Caller = (
            AsyncCaller(AsyncClient(url, **said), **words)
            if request.param == "asyncio"
            else ThreadCaller(Client(url, **said), **words)
        )
        made.append(one)
        return one

    yield open_one
    for one in made:
        await one.close()
