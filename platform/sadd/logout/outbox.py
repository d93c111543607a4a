"""What is still to be told of ended sessions: one message for each receiver and revocation.

A trigger of the database fills it in the transaction that notes the revocation (0014_logout.sql), so there is
no revocation without its messages. ``sadd.web.webhook_sender`` sends them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from sadd.logout.database import connected
from sadd.logout.receivers import Kind
from sadd.logout.token import Logout, Signer, written
from sadd.postgres.pool import Pool
from sadd.rooms.webhook_signing import headers

WAITING_MAX = 10_000
"""Messages that wait for one receiver; beyond them the oldest are given up."""
LEASE_SECONDS = 60.0
"""So long a worker has for a message before another one takes it, in case it died over it."""
KEEP_DAYS = 30
"""Messages that were given up stay to be looked at."""
SPAN = 20
"""Revocations that are read at once: as many as are sent at once."""
EVENT = "session.revoked"
TEST = "session.test"

_TAKE = """
UPDATE logout_delivery AS d
SET attempts = attempts + 1, due_at = now() + make_interval(secs => $2)
FROM logout_receiver AS r
WHERE r.id = d.receiver AND d.id IN (
    SELECT id FROM logout_delivery WHERE gave_up_at IS NULL AND due_at <= now() AND id IN (
        SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY receiver ORDER BY due_at, id) AS place
            FROM logout_delivery
            WHERE gave_up_at IS NULL AND due_at <= now() AND receiver <> ALL ($4::text[])
        ) AS due WHERE place <= $3
    )
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING d.id, d.receiver, d.revocation, d.attempts, d.created_at, r.kind, r.url, r.audience, r.secret
"""
_DONE = "DELETE FROM logout_delivery WHERE id = $1"
_LATER = """
UPDATE logout_delivery SET due_at = now() + make_interval(secs => $2), last_error = $3 WHERE id = $1
"""
_GIVE_UP = "UPDATE logout_delivery SET gave_up_at = now(), last_error = $2 WHERE id = $1"
_DISABLE = "UPDATE logout_receiver SET disabled_at = now() WHERE id = $1 AND disabled_at IS NULL"
_FORGET = "DELETE FROM logout_delivery WHERE gave_up_at < now() - make_interval(days => $1)"
_CROWDED = """
UPDATE logout_delivery SET gave_up_at = now(), last_error = 'too many wait' WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY receiver ORDER BY id DESC) AS place
        FROM logout_delivery WHERE gave_up_at IS NULL
    ) AS waiting WHERE place > $1
)
"""


class Ended(Protocol):
    """What a message tells: one session of a subject (``ref``) is over, or all but ``kept``."""

    @property
    def seq(self) -> int: ...

    @property
    def at_ms(self) -> int: ...

    @property
    def agency(self) -> str: ...

    @property
    def service(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def ref(self) -> str: ...

    @property
    def kept(self) -> str: ...

    @property
    def reason(self) -> str: ...


Looking = Callable[[int, int], Awaitable["Found"]]
"""The revocations after a number, at most so many; raises what its sender waits out."""


class Found(Protocol):
    @property
    def revocations(self) -> Sequence[Ended]: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that a worker has taken to send; the ``attempts``-th time. ``ended`` None is a test."""

    id: int
    webhook: str
    attempts: int
    url: str
    created_at: datetime
    kind: Kind
    audience: str | None
    secret: bytes | None
    ended: Ended | None
    signer: Signer
    issuer: str

    @property
    def message(self) -> str:
        """The same at each attempt, and another one for each receiver: so it is taken once."""
        return f"rev_{self.ended.seq}_{self.webhook}" if self.ended else f"test_{self.id}_{self.webhook}"

    def letter(self, sent_s: int) -> tuple[Mapping[str, str], bytes]:
        if self.kind == "oidc":
            return {"Content-Type": "application/x-www-form-urlencoded"}, self._token(sent_s)
        assert self.secret is not None, "a webhook has one"
        body = self._told()
        return {
            **headers(self.secret, self.message, sent_s, body),
            "Content-Type": "application/json",
        }, body

    def _told(self) -> bytes:
        ended = self.ended
        at = datetime.fromtimestamp(ended.at_ms / 1000, UTC) if ended else self.created_at
        facts = {} if ended is None else facts_of(ended)
        said = {"type": EVENT if ended else TEST, "timestamp": at.isoformat(timespec="milliseconds")}
        return msgspec.json.encode({**said, "data": facts})

    def _token(self, sent_s: int) -> bytes:
        assert self.ended is not None, "relying parties get no tests"
        assert self.audience is not None, "a relying party has one"
        asked = Logout(self.message, self.ended.subject, self.ended.ref or None, 0)
        return urlencode(
            {"logout_token": written(self.signer, self.issuer, self.audience, asked, sent_s)}
        ).encode()


class Outbox:
    """``sadd.web.webhook_sender.Outbox``. ``issuer`` is who our logout tokens say that they are of."""

    def __init__(self, look: Looking, signer: Signer, issuer: str) -> None:
        self._look = look
        self._signer = signer
        self._issuer = issuer

    async def take(
        self, pool: Pool, most: int, each_most: int = 1_000, but: Sequence[str] = ()
    ) -> Sequence[Delivery]:
        async with connected(pool) as connection:
            rows = await connection.fetch(_TAKE, most, LEASE_SECONDS, each_most, list(but))
        seqs = sorted({row["revocation"] for row in rows if row["revocation"]})
        told = await self._told(seqs)
        for row in rows:
            if row["revocation"] and row["revocation"] not in told:
                await self._drop(pool, row["id"])
        return [
            Delivery(
                row["id"],
                row["receiver"],
                row["attempts"],
                row["url"],
                row["created_at"],
                row["kind"],
                row["audience"],
                row["secret"],
                told.get(row["revocation"]),
                self._signer,
                self._issuer,
            )
            for row in rows
            if not row["revocation"] or row["revocation"] in told
        ]

    async def _told(self, seqs: Sequence[int]) -> dict[int, Ended]:
        """By their numbers; those of one moment lie side by side, and are read at once."""
        told: dict[int, Ended] = {}
        for seq in seqs:
            if seq not in told:
                found = (await self._look(seq - 1, SPAN)).revocations
                told |= {one.seq: one for one in found if one.seq in seqs}
        return told

    async def _drop(self, pool: Pool, delivery: int) -> None:
        """What it would tell is forgotten, since the session would be over in any case by now."""
        async with connected(pool) as connection:
            await connection.execute(_GIVE_UP, delivery, "it came to nothing meanwhile")

    async def done(self, pool: Pool, delivery: Delivery) -> None:
        async with connected(pool) as connection:
            await connection.execute(_DONE, delivery.id)

    async def again(self, pool: Pool, delivery: Delivery, after_seconds: float, error: str) -> None:
        async with connected(pool) as connection:
            await connection.execute(_LATER, delivery.id, after_seconds, error)

    async def give_up(self, pool: Pool, delivery: Delivery, error: str, *, disable: bool = False) -> None:
        """The message stays to be looked at. ``disable``: the receiver wants no more of them."""
        async with connected(pool) as connection, connection.transaction():
            await connection.execute(_GIVE_UP, delivery.id, error)
            if disable:
                await connection.execute(_DISABLE, delivery.webhook)

    async def forget(self, pool: Pool) -> None:
        """What was given up long ago, and what too many wait before."""
        async with connected(pool) as connection:
            await connection.execute(_CROWDED, WAITING_MAX)
            await connection.execute(_FORGET, KEEP_DAYS)


def facts_of(ended: Ended) -> dict[str, object]:
    """What a webhook is told. ``session`` names one, as ``ref`` in the session's own answers does."""
    return {
        "seq": ended.seq,
        "agency": ended.agency,
        "service": ended.service or None,
        "subject": ended.subject,
        "session": ended.ref or None,
        "kept": ended.kept or None,
        "reason": ended.reason,
    }
