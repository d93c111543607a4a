"""By whom we are told to end sessions: OpenID providers, each for one agency. In PostgreSQL.

logout_provider     whom we believe: issuer and audience
logout_seen         tokens that count no more, until they would be refused anyhow
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sadd.logout.database import audit, connected
from sadd.logout.token import Logout, Pinned
from sadd.postgres.pool import Pool

PER_AGENCY_MAX = 20
TRY_SECONDS = 10
"""So long a token that somebody began to carry out is his alone; then it may be tried again."""

_CREATE = """
INSERT INTO logout_provider (id, agency, issuer, audience, jwks_uri)
SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM logout_provider WHERE agency = $2) < $6
RETURNING id, agency, issuer, audience, jwks_uri, created_at
"""
_LIST = """
SELECT id, agency, issuer, audience, jwks_uri, created_at FROM logout_provider
WHERE $1::text IS NULL OR agency = $1 ORDER BY created_at, id
"""
_DELETE = """
DELETE FROM logout_provider WHERE id = $1 AND ($2::text IS NULL OR agency = $2)
RETURNING id, agency, issuer, audience, jwks_uri, created_at
"""
_CLAIM = """
INSERT INTO logout_seen AS seen (provider, token, until) VALUES ($1, $2, to_timestamp($3))
ON CONFLICT (provider, token) DO UPDATE SET taken_at = now()
    WHERE NOT seen.done AND seen.taken_at < now() - make_interval(secs => $4)
RETURNING true
"""
_CARRIED_OUT = "UPDATE logout_seen SET done = true WHERE provider = $1 AND token = $2"
_RELEASE = "DELETE FROM logout_seen WHERE provider = $1 AND token = $2 AND NOT done"
_FORGET = "DELETE FROM logout_seen WHERE until < now()"


@dataclass(frozen=True, slots=True)
class Provider:
    """Whom an agency lets end its sessions. ``jwks_uri`` None: where its discovery document says."""

    id: str
    agency: str
    issuer: str
    audience: str
    jwks_uri: str | None
    created_at: datetime

    @property
    def pinned(self) -> Pinned:
        return Pinned(self.issuer, self.audience)


async def create(pool: Pool, wish: Provider, by: str) -> Provider | None:
    """None: the agency has as many as it may."""
    async with connected(pool) as connection, connection.transaction():
        row = await connection.fetchrow(
            _CREATE, wish.id, wish.agency, wish.issuer, wish.audience, wish.jwks_uri, PER_AGENCY_MAX
        )
        if row is None:
            return None
        made = Provider(**row)
        await audit(connection, by, "logout.provider.add", made.id, None, _told(made))
    return made


async def all_of(pool: Pool, agency: str | None) -> list[Provider]:
    async with connected(pool) as connection:
        return [Provider(**row) for row in await connection.fetch(_LIST, agency)]


async def delete(pool: Pool, id_: str, agency: str | None, by: str) -> bool:
    """Whether there was one of the agency."""
    async with connected(pool) as connection, connection.transaction():
        row = await connection.fetchrow(_DELETE, id_, agency)
        if row is not None:
            await audit(connection, by, "logout.provider.remove", id_, _told(Provider(**row)), None)
    return row is not None


async def claim(pool: Pool, provider: Provider, asked: Logout) -> bool:
    """Whether the token is ours to carry out now. False: it was carried out, or somebody is at it."""
    async with connected(pool) as connection:
        mark = _mark(asked.id)
        taken = await connection.fetchval(_CLAIM, provider.id, mark, float(asked.counts_until_s), TRY_SECONDS)
    return taken is not None


async def carried_out(pool: Pool, provider: Provider, asked: Logout) -> None:
    async with connected(pool) as connection:
        await connection.execute(_CARRIED_OUT, provider.id, _mark(asked.id))


async def release(pool: Pool, provider: Provider, asked: Logout) -> None:
    """It could not be carried out: the provider may send it again."""
    async with connected(pool) as connection:
        await connection.execute(_RELEASE, provider.id, _mark(asked.id))


async def forget(pool: Pool) -> None:
    """Tokens that would be refused anyhow."""
    async with connected(pool) as connection:
        await connection.execute(_FORGET)


def _mark(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _told(provider: Provider) -> dict[str, object]:
    return {
        "agency": provider.agency,
        "issuer": provider.issuer,
        "audience": provider.audience,
        "jwks_uri": provider.jwks_uri,
    }
