"""Whom a provider's session signed in here, since a logout token may name nothing but that session.

Only who says at sign-in which session of which provider it was is noted. The subject is sealed.
"""

import hashlib

from sadd.logout.database import connected
from sadd.postgres.pool import Pool
from sadd.sealing import Sealer, Unsealable

_NOTE = """
INSERT INTO logout_login (login, agency, subject, until)
VALUES ($1, $2, $3, now() + make_interval(secs => $4))
ON CONFLICT (login, agency) DO UPDATE SET subject = excluded.subject, until = excluded.until
"""
_SUBJECT = "SELECT subject FROM logout_login WHERE login = $1 AND agency = $2 AND until > now()"
_FORGET = "DELETE FROM logout_login WHERE until < now()"


class Logins:
    """All agencies'. What the database raises when it is away is DatabaseAway."""

    def __init__(self, pool: Pool, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer

    async def note(self, agency: str, login: str, subject: str, lives_s: float) -> None:
        """The session named ``login`` has signed the subject in; the last one who did counts."""
        sealed = self._sealer.seal(subject.encode(), _bound_to(agency, login))
        async with connected(self._pool) as connection:
            await connection.execute(_NOTE, login, agency, sealed, lives_s)

    async def subject(self, agency: str, login: str) -> str | None:
        async with connected(self._pool) as connection:
            sealed = await connection.fetchval(_SUBJECT, login, agency)
        if sealed is None:
            return None
        try:
            return self._sealer.open(sealed, _bound_to(agency, login)).decode()
        except Unsealable:  # its key is gone, and with it all that was signed in by then
            return None

    async def forget(self) -> None:
        """Those whose sessions are over in any case."""
        async with connected(self._pool) as connection:
            await connection.execute(_FORGET)


def login_of(provider: str, session: str) -> str:
    """What is kept of a provider's session: 32 letters that name it and do not tell it."""
    return hashlib.sha256(f"{provider}\0{session}".encode()).hexdigest()[:32]


def _bound_to(agency: str, login: str) -> bytes:
    return f"login\0{agency}\0{login}".encode()
