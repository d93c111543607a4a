"""The page, served for one test."""

from collections.abc import AsyncIterator

import pytest

from tests.sadd.web.operator.scene import Browser, Scene, scene


@pytest.fixture
async def page(valkey_url: str, migrated_database_url: str) -> AsyncIterator[Scene]:
    async with scene(valkey_url, migrated_database_url) as made:
        yield made


@pytest.fixture
def browser(page: Scene) -> Browser:
    return Browser(page)
