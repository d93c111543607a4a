"""What every table of logouts is reached by: a connection, or that there is none; and the audit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import asyncpg
import msgspec

from sadd.postgres.pool import AWAY, Pool

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
ACQUIRE_SECONDS: Final = 5.0

_AUDIT = """
INSERT INTO audit (actor, action, subject, before, after)
VALUES ($1, $2, $3, $4::text::jsonb, $5::text::jsonb)
"""


class DatabaseAway(Exception):
    """The database did not answer in time or at all. What is asked for can be asked again."""


async def audit(
    connection: Connection, by: str, action: str, subject: str, before: object, after: object
) -> None:
    """Note who changed what, in the transaction of the change."""
    texts = [None if value is None else msgspec.json.encode(value).decode() for value in (before, after)]
    await connection.execute(_AUDIT, by, action, subject, *texts)


@asynccontextmanager
async def connected(pool: Pool) -> AsyncIterator[Connection]:
    """A connection. DatabaseAway: there is none, or it broke inside the block."""
    try:
        async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
            yield connection
    except AWAY as error:
        raise DatabaseAway(str(error) or type(error).__name__) from error
