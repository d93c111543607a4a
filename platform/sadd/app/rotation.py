"""The keys of tickets and passes in a running worker: as they are in the database, within a second."""

import asyncio
from collections.abc import Sequence

import asyncpg
import structlog

from queueing.draw.receipt import ReceiptOffice
from queueing.passes import PassKey, PassOffice
from queueing.ticket import TicketKeys, TicketOffice
from sadd.postgres.pool import AWAY, Pool
from sadd.signing import NoSigningKey, SigningKey, SigningKeys, read_signing_keys, signer

log = structlog.get_logger("sadd.app")

EVERY_SECONDS = 30.0
"""A key whose time to sign has come, or to go, is in force or gone so much later at most."""


def pass_keys(keys: Sequence[SigningKey]) -> list[PassKey]:
    return [PassKey(key.id, key.secret, key.signs_from_s) for key in keys]


def ticket_keys(keys: Sequence[SigningKey]) -> TicketKeys:
    return TicketKeys(signer(keys).id, {key.id: key.secret for key in keys})


class Rotation:
    """Keeps both offices at the keys in force. While the database is away they keep those that they have."""

    def __init__(
        self,
        pool: Pool,
        signing: SigningKeys,
        passes: PassOffice,
        tickets: TicketOffice,
        receipts: ReceiptOffice | None = None,
    ) -> None:
        self._pool = pool
        self._signing = signing
        self._signers = self._signing_now()
        self._passes = passes
        self._tickets = tickets
        self._receipts = receipts

    async def refresh(self) -> None:
        """After a change. Raises what asyncpg raises when the database is away."""
        signing = await read_signing_keys(self._pool)
        before, self._signing = self._signing, signing
        signers, self._signers = self._signers, self._signing_now()
        if signing.queue_pass != before.queue_pass:
            self._passes.renew(pass_keys(signing.queue_pass))
        if signing.queue_ticket != before.queue_ticket or signers != self._signers:
            self._tickets.renew(ticket_keys(signing.queue_ticket))
            if self._receipts is not None:
                self._receipts.renew(ticket_keys(signing.queue_ticket))

    async def run(self) -> None:
        """Until cancelled: what time alone changes, and what was announced while nobody listened."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.refresh()
            except (*AWAY, asyncpg.PostgresError, NoSigningKey) as error:
                log.warning("signing keys are kept as they are", reason=type(error).__name__)

    def _signing_now(self) -> str:
        """Which ticket key signs: time alone changes it."""
        return signer(self._signing.queue_ticket).id
