"""One server with all of sessions for each module that asks for it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.conftest import Databases
from tests.sadd.web.sessions_scene import SignedIn, signed_in


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def signed(_valkey_server: str, _migrated_databases: Databases) -> AsyncIterator[SignedIn]:
    """Tests take subjects of their own: nothing is forgotten between them."""
    url = _migrated_databases.take()
    async with signed_in(_valkey_server, url) as scene:
        yield scene
    _migrated_databases.drop(url)
