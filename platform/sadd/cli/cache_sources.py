"""Where the words of ``sadd cache`` take the cache from, and how they name what is in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from cache.cache import Cache
from cache.space import Space
from cache.store import StoreUnavailable
from sadd.app.caching import plain_cache
from sadd.caching.quotas import Quotas
from sadd.caching.spaces import SHIELD, Spaces
from sadd.catalogue.model import Catalogue, Service
from sadd.cli import versions
from sadd.cli.outcome import Failed, UsageError
from sadd.cli.stores import Pool, database, running
from sadd.sealing import Sealer, SealKey
from sadd.settings import Settings
from sadd.shield.keys import tag_of
from sadd.signing import NoSigningKey, read_signing_keys
from sadd.valkey.topology import open_client

GROUP = "sadd cache"

actor = partial(versions.actor, GROUP)


@dataclass(frozen=True, slots=True)
class Here:
    """The stores and the catalogue of one command."""

    pool: Pool
    catalogue: Catalogue
    cache: Cache
    spaces: Spaces
    quotas: Quotas


@dataclass(frozen=True, slots=True)
class Page:
    """What a URL names: a service, and how the caching proxy's entries of it are found."""

    service: Service
    space: Space
    tags: tuple[str, ...]
    """Of all that lies under the URL, by whichever of the service's hosts it was asked for."""


@dataclass(frozen=True, slots=True)
class _Still:
    current: Catalogue


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Here]:
    """Raises Failed with one line while a store is away."""
    async with database(settings) as pool:
        with versions.database_errors(GROUP, StoreUnavailable):
            catalogue = await versions.catalogue_in(GROUP, pool)
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
            spaces = Spaces(_Still(catalogue))
            cache, quotas = plain_cache(client, spaces, settings, await _sealer(pool))
            yield Here(pool, catalogue, cache, spaces, quotas)
        except StoreUnavailable as error:
            raise Failed(f"{GROUP}: the store is away: {error}") from None
        finally:
            await client.aclose()


async def _sealer(pool: Pool) -> Sealer | None:
    """None on a database that no platform ever served: then nothing is sealed either."""
    try:
        signing = await read_signing_keys(pool)
    except NoSigningKey:
        return None
    return Sealer([SealKey(key.id, key.secret) for key in signing.seal])


def is_url(word: str) -> bool:
    return word.startswith(("http://", "https://"))


def page_of(here: Here, url: str) -> Page:
    """UsageError: no service answers under the URL's host."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".localhost")
    service = here.catalogue.services.get(host) or _by_host(here.catalogue, host)
    if service is None or service.status == "retired":
        told = f"no service answers under {parts.netloc!r}: the catalogue says its hosts"
        raise UsageError(f"{GROUP}: {told}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    hosts = dict.fromkeys((parts.netloc, service.id, f"{service.id}.localhost", *service.hosts))
    tags = tuple(
        tag_of(scheme, name.encode(), target.encode()) for name in hosts for scheme in ("https", "http")
    )
    space = here.spaces.of(service.agency, SHIELD + service.id)
    return Page(service, space, tags)


def _by_host(catalogue: Catalogue, host: str) -> Service | None:
    return next((one for one in catalogue.services.values() if host in one.hosts), None)


def space_of(here: Here, word: str) -> tuple[Space, str]:
    """The namespace, and the key behind it if there is one. UsageError: there is no such agency or form."""
    agency, _, rest = word.partition("/")
    namespace, _, key = rest.partition("/")
    if agency not in here.catalogue.agencies:
        raise UsageError(f"{GROUP}: there is no agency {agency!r}; say AGENCY/NAMESPACE or a URL")
    if here.spaces.is_of_nobody(agency, namespace):
        raise UsageError(f"{GROUP}: {namespace!r} is of no service of {agency}")
    try:
        return here.spaces.of(agency, namespace), key
    except ValueError as wrong:
        raise UsageError(f"{GROUP}: {word}: {wrong}") from None
