"""The embedded stores, open for the length of a block."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sadd.embedded.folder import hold_folder
from sadd.embedded.postgres import Postgres
from sadd.embedded.server import Recipe, Server
from sadd.embedded.valkey import Valkey


@dataclass(frozen=True, slots=True)
class StoreUrls:
    """Where the stores answer; empty for one that was not wanted."""

    valkey_url: str
    database_url: str


@asynccontextmanager
async def open_stores(
    data_dir: Path,
    *,
    want_valkey: bool = True,
    want_postgres: bool = True,
    durable: bool = True,
    start_timeout_seconds: float = 60.0,
) -> AsyncIterator[StoreUrls]:
    """Hold the data folder and run the wanted servers in it; they are gone when the block is left.

    The folder is held even if no server is wanted, because the workers' counters lie in it as well. A server
    The folder is held even if no server is wanted, because the workers' counters lie in it too. A server that
    with one line. The thread that calls must outlive the block: the servers are tied to it.
    """
    with hold_folder(data_dir) as folder:
        valkey = Valkey(folder) if want_valkey else None
        postgres = Postgres(folder, durable=durable) if want_postgres else None
        async with AsyncExitStack() as servers:
            recipes: list[Recipe] = [recipe for recipe in (valkey, postgres) if recipe is not None]
            for recipe in recipes:
                server = Server(recipe, folder, start_timeout_seconds)
                servers.push_async_callback(server.stop)
                await server.start()
            yield StoreUrls(valkey.url if valkey else "", postgres.url if postgres else "")
