"""Connections to PostgreSQL, bounded in number and in time."""

from typing import TypeAlias

import asyncpg

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

# What a call raises while the database is away, full, restarting, failing over, or too slow. Answer as your
# service says; the pool itself recovers, with a new connection at the next call.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,  # "connection is closed", but also a wrong number of arguments: have a test
    asyncpg.InternalClientError,  # "cannot switch to state": the connection broke between two of its steps
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, cancelled by the server's time-out
    asyncpg.InsufficientResourcesError,  # its disk is full, or its memory, or there are too many connections
    asyncpg.ReadOnlySQLTransactionError,  # the server has become a replica
)


async def open_pool(url: str, *, pool_max: int, deadline_seconds: float) -> Pool:
    """A pool of at most `pool_max` connections; `deadline_seconds` bounds each connect and each statement.

    One connection is made now, so a database that is away raises one of `AWAY` here: waiting is the caller's.
    """
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=pool_max,
        timeout=deadline_seconds,
        command_timeout=deadline_seconds,
        server_settings={"application_name": "sadd"},
    )
