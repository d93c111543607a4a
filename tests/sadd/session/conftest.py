"""Sessions on a real, empty Valkey and a real PostgreSQL, under keys made for the test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from sadd.postgres.pool import AWAY, Pool
from sadd.sealing import Sealer, SealKey
from sadd.session.ids import Ids
from sadd.session.postgres import PostgresLedger
from sadd.session.sessions import Sessions
from sadd.session.valkey import ValkeyStore
from tests.stores import StoppableValkey, connected, stoppable_valkey

PEPPER = b"p" * 32
SEAL = SealKey("0000000a", b"s" * 32)


@pytest.fixture
async def store(valkey_url: str) -> AsyncIterator[ValkeyStore]:
    async with connected(valkey_url) as client:
        yield ValkeyStore(client)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[StoppableValkey]:
    with stoppable_valkey(tmp_path) as server:
        yield server


@pytest.fixture
def ids() -> Ids:
    return Ids(PEPPER)


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(migrated_database_url, min_size=1, max_size=4) as opened:
        yield opened


@pytest.fixture
def ledger(pool: Pool) -> PostgresLedger:
    return PostgresLedger(pool, (*AWAY, asyncpg.TransactionRollbackError))


@pytest.fixture
def kept(store: ValkeyStore, ids: Ids, ledger: PostgresLedger) -> Sessions:
    """Sessions on both stores."""
    return Sessions(store, ids, Sealer([SEAL]), ledger)
