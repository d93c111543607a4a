"""Where the words of ``sadd sessions`` take the engine from, and how they read whom they are about."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from sadd.app.sessions import Engine, open_engine
from sadd.cli import versions
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.stores import Pool, database, running
from sadd.session.record import TEXT_BYTES_MAX
from sadd.session.sessions import Sessions
from sadd.session.store import StoreUnavailable
from sadd.settings import Settings
from sadd.signing import load_signing_keys
from sadd.valkey.topology import open_client

GROUP = "sadd sessions"

actor = partial(versions.actor, GROUP)


@dataclass(frozen=True, slots=True)
class Here:
    """The stores of one command."""

    pool: Pool
    engine: Engine

    @property
    def sessions(self) -> Sessions:
        return self.engine.sessions


@asynccontextmanager
async def opened(settings: Settings, agency: str | None = None) -> AsyncIterator[Here]:
    """Raises Failed with one line while a store is away, UsageError for an agency that there is not."""
    async with database(settings) as pool:
        with versions.database_errors(GROUP, StoreUnavailable):
            if agency is not None and agency not in (await versions.catalogue_in(GROUP, pool)).agencies:
                raise UsageError(f"{GROUP}: there is no agency {agency!r}; sadd catalogue list has them")
        platform = running(settings)
        url = settings.valkey.url or (platform.valkey_url if platform else "")
        if not url:
            raise Failed(f"{GROUP}: no platform runs on {settings.data.dir}, and SADD_VALKEY_URL says none")
        try:
            client = await open_client(
                url, deadline_ms=settings.valkey.deadline_ms, max_in_flight=settings.valkey.max_in_flight
            )
        except (OSError, TimeoutError) as error:
            raise Failed(f"{GROUP}: the store is away: {error}") from None
        try:
            yield Here(pool, open_engine(client, pool, await load_signing_keys(pool)))
        except StoreUnavailable as error:
            raise Failed(f"{GROUP}: a store is away, nothing is certain: {error}") from None
        finally:
            await client.aclose()


def subject_of(word: str) -> str:
    """UsageError: it is empty or too long."""
    subject = sys.stdin.readline().rstrip("\n") if word == "-" else word
    if not 0 < len(subject.encode()) <= TEXT_BYTES_MAX:
        raise UsageError(f"{GROUP}: a subject has 1 to {TEXT_BYTES_MAX} bytes")
    return subject
