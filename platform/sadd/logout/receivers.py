"""Who is told that sessions were ended: webhooks, and relying parties of OpenID Connect. In PostgreSQL."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sadd.logout.database import audit, connected
from sadd.postgres.pool import Pool

Kind = Literal["webhook", "oidc"]
"""webhook: as the Standard Webhooks specification has it. oidc: a logout token."""

PER_AGENCY_MAX = 50

_CREATE = """
INSERT INTO logout_receiver (id, agency, service, kind, url, audience, secret)
SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT count(*) FROM logout_receiver WHERE agency = $2) < $8
RETURNING id, agency, service, kind, url, audience, created_at, disabled_at
"""
_LIST = """
SELECT r.id, agency, service, kind, url, audience, r.created_at, disabled_at,
    count(d.id) FILTER (WHERE gave_up_at IS NULL) AS waiting, count(gave_up_at) AS given_up,
    (array_agg(last_error ORDER BY d.id DESC) FILTER (WHERE last_error IS NOT NULL))[1] AS last_error
FROM logout_receiver AS r LEFT JOIN logout_delivery AS d ON d.receiver = r.id
WHERE $1::text IS NULL OR agency = $1 GROUP BY r.id ORDER BY r.created_at, r.id
"""
_DELETE = """
DELETE FROM logout_receiver WHERE id = $1 AND ($2::text IS NULL OR agency = $2)
RETURNING id, agency, service, kind, url, audience, created_at, disabled_at
"""
_TEST = """
INSERT INTO logout_delivery (receiver, revocation)
SELECT id, 0 FROM logout_receiver WHERE id = $1 AND ($2::text IS NULL OR agency = $2) AND kind = 'webhook'
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom to tell; ``service`` None is all of the agency. ``audience`` is a relying party's client id."""

    id: str
    agency: str
    service: str | None
    kind: Kind
    url: str
    audience: str | None
    created_at: datetime
    disabled_at: datetime | None
    waiting: int = 0
    """Messages that are still to be taken."""
    given_up: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A receiver that is to be made; ``secret`` signs what a webhook gets."""

    id: str
    agency: str
    service: str | None
    kind: Kind
    url: str
    audience: str | None
    secret: bytes | None


async def create(pool: Pool, wish: Wish, by: str) -> Receiver | None:
    """None: the agency has as many as it may."""
    async with connected(pool) as connection, connection.transaction():
        row = await connection.fetchrow(
            _CREATE,
            wish.id,
            wish.agency,
            wish.service,
            wish.kind,
            wish.url,
            wish.audience,
            wish.secret,
            PER_AGENCY_MAX,
        )
        if row is None:
            return None
        made = Receiver(**row)
        await audit(connection, by, "logout.receiver.add", made.id, None, _told(made))
    return made


async def all_of(pool: Pool, agency: str | None) -> list[Receiver]:
    async with connected(pool) as connection:
        return [Receiver(**row) for row in await connection.fetch(_LIST, agency)]


async def delete(pool: Pool, id_: str, agency: str | None, by: str) -> bool:
    """Whether there was one of the agency; what waited for it is gone too."""
    async with connected(pool) as connection, connection.transaction():
        row = await connection.fetchrow(_DELETE, id_, agency)
        if row is not None:
            await audit(connection, by, "logout.receiver.remove", id_, _told(Receiver(**row)), None)
    return row is not None


async def test(pool: Pool, id_: str, agency: str | None) -> bool:
    """Put a message that says nothing into the outbox. False: there is no such webhook."""
    async with connected(pool) as connection:
        return await connection.fetchval(_TEST, id_, agency) is not None


def _told(one: Receiver) -> dict[str, object]:
    return {
        "agency": one.agency,
        "service": one.service,
        "kind": one.kind,
        "url": one.url,
        "audience": one.audience,
    }
