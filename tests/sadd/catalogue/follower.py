"""A worker in a process of its own: follows the catalogue and prints each version that it comes to see.

python -m tests.sadd.catalogue.follower DATABASE_URL
"""

import asyncio
import sys

import structlog

from sadd.catalogue.store import CHANNEL
from sadd.catalogue.view import CatalogueView
from sadd.postgres.listen import Listener
from sadd.postgres.pool import open_pool


async def follow(url: str) -> None:
    async with await open_pool(url, pool_max=1, deadline_seconds=5.0) as pool:
        view = CatalogueView(pool)

        async def refresh() -> None:
            if await view.refresh():
                state = view.current
                sys.stdout.write(f"{state.version} {len(state.services)}\n")
                sys.stdout.flush()

        listener = Listener(url)
        listener.watch(CHANNEL, refresh)
        await listener.run()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(follow(sys.argv[1]))
