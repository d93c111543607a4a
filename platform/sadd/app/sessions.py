"""The sessions of one worker, put together: keys, both stores, who is told, by whom we are told, ways in."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog

from sadd.catalogue.view import CatalogueView
from sadd.logout import providers
from sadd.logout.database import DatabaseAway
from sadd.logout.keys import LogoutKeys
from sadd.logout.logins import Logins
from sadd.logout.outbox import Outbox
from sadd.logout.providers_view import CHANNEL as PROVIDERS_CHANNEL
from sadd.logout.providers_view import ProvidersView
from sadd.logout.window import Window
from sadd.postgres.pool import AWAY, Pool
from sadd.sealing import Sealer, SealKey
from sadd.session.ids import Ids
from sadd.session.postgres import PostgresLedger
from sadd.session.sessions import Sessions, UnknownSession
from sadd.session.store import StoreUnavailable
from sadd.session.valkey import ValkeyStore
from sadd.settings import Settings
from sadd.signing import CHANNEL as SIGNING_CHANNEL
from sadd.signing import NoSigningKey, SigningKey, SigningKeys, read_signing_keys, signer
from sadd.telemetry.metrics import Metrics
from sadd.valkey.client import ValkeyClient
from sadd.web import logout_providers, logout_receivers, sessions, sessions_listed
from sadd.web.endpoint import Endpoint
from sadd.web.logout_backchannel import Backchannel
from sadd.web.logout_keys import ProviderKeys
from sadd.web.sessions_feed import RevocationFeed
from sadd.web.webhook_sender import Sender

REVOCATIONS_CHANNEL = "sadd_session_revocations"
KEYS_EVERY_SECONDS = 30.0
"""A key whose time to sign has come, or to go, is in force or gone so much later at most."""
FORGET_SECONDS = 60.0
LEDGER_AWAY = (*AWAY, asyncpg.TransactionRollbackError)
"""Two statements that waited for each other: the one that was ended had no effect, and is asked again."""

log = structlog.get_logger("sadd.app")


@dataclass(frozen=True, slots=True)
class Engine:
    """The façade, and what of it others need too."""

    sessions: Sessions
    sealer: Sealer
    ids: Ids

    def renew(self, signing: SigningKeys) -> None:
        self.sessions.renew(*_secrets(signing))


def open_engine(valkey: ValkeyClient, pool: Pool, signing: SigningKeys) -> Engine:
    """Sessions on both stores."""
    peppers, keys = _secrets(signing)
    ids, sealer = Ids(*peppers), Sealer(keys)
    ledger = PostgresLedger(pool, LEDGER_AWAY)
    return Engine(Sessions(ValkeyStore(valkey), ids, sealer, ledger), sealer, ids)


def _secrets(signing: SigningKeys) -> tuple[list[bytes], list[SealKey]]:
    """Peppers and seal keys in force, the one for what is new first."""
    return (
        [key.secret for key in _signer_first(signing.session_pepper)],
        [SealKey(key.id, key.secret) for key in _signer_first(signing.seal)],
    )


def _signer_first(keys: Sequence[SigningKey]) -> list[SigningKey]:
    first = signer(keys)
    return [first, *(key for key in keys if key is not first)]


@dataclass(frozen=True, slots=True)
class Ending:
    """What a provider's logout ends."""

    sessions: Sessions

    async def of_subject(self, agency: str, subject: str) -> None:
        await self.sessions.revoke_all(agency, subject, reason="provider")

    async def of_login(self, agency: str, subject: str, login: str) -> None:
        for one in await self.sessions.listed(agency, subject):
            if one.login == login:
                with suppress(UnknownSession):  # it has ended meanwhile
                    await self.sessions.revoke_ref(agency, one.ref, reason="provider")


@dataclass(frozen=True, slots=True)
class SessionWays:
    """All that a worker has of sessions besides the engine."""

    engine: Engine
    pool: Pool
    view: CatalogueView
    authority: str
    issuer: str
    to_loopback: bool
    keys: LogoutKeys
    logins: Logins
    known: ProvidersView
    backchannel: Backchannel
    window: Window
    feed: RevocationFeed
    sender: Sender

    def endpoints(self, stays: sessions.Stays | None = None) -> list[Endpoint]:
        """``stays`` reads the entries of waiting rooms."""
        return [
            *sessions.endpoints(self.engine.sessions, self.view, self.logins, self.known, stays),
            *self.feed.endpoints(),
            *sessions_listed.endpoints(self.engine.sessions),
            *logout_receivers.endpoints(
                self.pool,
                self.view,
                self.keys,
                issuer=self.issuer,
                authority=self.authority,
                to_loopback=self.to_loopback,
            ),
            *logout_providers.endpoints(self.pool, authority=self.authority, to_loopback=self.to_loopback),
            *self.backchannel.endpoints(),
        ]

    def show(self, metrics: Metrics) -> None:
        """Register what is counted; the engine's own is shown with the other services."""
        metrics.register("sadd_session_feed", self.feed.stats, gauges={"open": "sum", "late_ms": "max"})
        metrics.register("sadd_logout", self.sender.stats)
        metrics.register("sadd_backchannel_logout", self.backchannel.stats)

    def work(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs until the worker ends."""
        yield self.engine.sessions.work()
        yield self.window.run()
        yield self.sender.run()
        yield self._keep_keys()
        yield self._forget()

    def changes(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Channels of the database, and what to do when one is notified."""
        yield REVOCATIONS_CHANNEL, self._revoked
        yield SIGNING_CHANNEL, self._renew
        yield PROVIDERS_CHANNEL, self.known.refresh

    async def _revoked(self) -> None:
        self.sender.wake()
        await self.window.refresh()

    async def _renew(self) -> None:
        """Raises what asyncpg raises when the database is away."""
        signing = await read_signing_keys(self.pool)
        self.engine.renew(signing)
        self.keys.renew(signing.logout_token)

    async def _keep_keys(self) -> None:
        """What time alone changes, and what was announced while nobody listened."""
        while True:
            await asyncio.sleep(KEYS_EVERY_SECONDS)
            try:
                await self._renew()
            except (*AWAY, asyncpg.PostgresError, NoSigningKey) as error:
                log.warning("keys of sessions are kept as they are", reason=type(error).__name__)

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(FORGET_SECONDS)
            try:
                await providers.forget(self.pool)
                await self.logins.forget()
            except (DatabaseAway, asyncpg.PostgresError) as error:
                log.warning("what is over of logouts is not deleted yet", reason=type(error).__name__)


async def open_session_ways(
    engine: Engine, pool: Pool, signing: SigningKeys, view: CatalogueView, settings: Settings
) -> SessionWays:
    """Raises what the database raises when it is away."""
    own = settings.sessions
    keys = LogoutKeys(signing.logout_token)
    known = ProvidersView(pool)
    await known.refresh()
    logins = Logins(pool, engine.sealer)
    window = Window(engine.sessions.revocations, (StoreUnavailable, asyncpg.PostgresError))
    outbox = Outbox(engine.sessions.revocations, keys, own.issuer)
    return SessionWays(
        engine=engine,
        pool=pool,
        view=view,
        authority=settings.catalogue.authority,
        issuer=own.issuer,
        to_loopback=own.logout_to_loopback,
        keys=keys,
        logins=logins,
        known=known,
        backchannel=Backchannel(
            pool,
            known,
            ProviderKeys(to_loopback=own.logout_to_loopback),
            logins,
            Ending(engine.sessions),
        ),
        window=window,
        feed=RevocationFeed(window, own.streams_max),
        sender=Sender(pool, outbox, to_loopback=own.logout_to_loopback),
    )
