"""The ledger on PostgreSQL: revocations, which are the feed as well, and the sessions of durable classes.

Who revokes holds the row of ``session_feed`` until his commit, so numbers are gapless and in the order of
commits. Rows of the journal are locked in the order of their keys: no two statements wait for each other.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from sadd.session.policy import ABSOLUTE_MS_MAX
from sadd.session.record import generation_of, idle_of, used_at
from sadd.session.store import Ended, Ending, Entry, Legacy, Row, StoreUnavailable

FEED_KEPT_MS = 72 * 3600 * 1000
"""A subscriber may be away for so long and miss nothing."""
LATE_MS = 3600 * 1000
"""Rows are kept so long beyond their use: the clocks of both stores need not agree to the hour."""
USES_OF_IDLE = 4
"""So many times an idle time-out a use is noted; after a loss idleness ends late by so much of it at most."""
SWEPT_ROWS = 5_000
RECENT_ROWS = 20_000

_REVOKE = """
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::bigint[]
    ) WITH ORDINALITY AS a(agency, service, tag, ref, subject, reason, kept, until_ms, nth)
), feed AS MATERIALIZED (
    UPDATE session_feed SET seq = seq + (SELECT count(*) FROM asked),
        generation = GREATEST(generation, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
            + (SELECT count(*) FROM asked)
    RETURNING seq, generation
), numbered AS MATERIALIZED (
    SELECT a.*, feed.seq - behind AS seq, feed.generation - behind AS generation
    FROM feed, (SELECT *, (SELECT count(*) FROM asked) - nth AS behind FROM asked) a
), locked AS MATERIALIZED (
    SELECT j.tag, j.ref, n.generation, n.kept FROM session_journal j JOIN numbered n
        ON n.tag = j.tag AND (n.ref = j.ref OR n.ref = '')
    ORDER BY j.tag, j.ref FOR UPDATE OF j
), ended AS (
    DELETE FROM session_journal j USING locked l WHERE (j.tag, j.ref) = (l.tag, l.ref) AND l.kept <> l.ref
), went_on AS (
    UPDATE session_journal j
    SET record = overlay(record PLACING substring(int8send(l.generation) FROM 3) FROM 30)
    FROM locked l WHERE (j.tag, j.ref) = (l.tag, l.ref) AND l.kept = l.ref
)
INSERT INTO session_revocation (seq, generation, agency, service, tag, ref, kept, subject, reason, until)
SELECT seq, generation, agency, service, tag, ref, kept, subject, reason,
    CASE until_ms WHEN 0 THEN now() + make_interval(secs => $10)
        ELSE GREATEST(to_timestamp(until_ms / 1000.0), now() + make_interval(secs => $9)) END
        + make_interval(secs => $11)
FROM numbered ORDER BY nth
RETURNING generation
"""
_WRITE = """
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::text[],
        $8::bigint[]
    ) AS a(tag, ref, version, used_ms, absolute_ms, record, old, expected)
), made AS (
    INSERT INTO session_journal (tag, ref, version, used_ms, absolute_ms, record)
    SELECT tag, ref, version, used_ms, absolute_ms, record FROM asked WHERE old = '' ORDER BY tag, ref
    ON CONFLICT (tag, ref) DO UPDATE SET version = session_journal.version
    RETURNING tag, ref
), locked AS MATERIALIZED (
    SELECT a.* FROM session_journal j JOIN asked a ON (j.tag, j.ref) = (a.tag, a.old)
    WHERE j.version = a.expected ORDER BY j.tag, j.ref FOR UPDATE OF j
), changed AS (
    UPDATE session_journal j SET ref = l.ref, version = l.version, record = l.record,
        used_ms = GREATEST(j.used_ms, l.used_ms)
    FROM locked l WHERE (j.tag, j.ref) = (l.tag, l.old) AND j.version = l.expected
    RETURNING j.tag, j.ref
)
SELECT tag, ref FROM made UNION ALL SELECT tag, ref FROM changed
"""
_NOTE = """
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS a(tag, ref, used_ms)
), locked AS MATERIALIZED (
    SELECT a.* FROM session_journal j JOIN asked a USING (tag, ref) ORDER BY j.tag, j.ref FOR UPDATE OF j
)
UPDATE session_journal j SET used_ms = GREATEST(j.used_ms, l.used_ms)
FROM locked l WHERE (j.tag, j.ref) = (l.tag, l.ref)
"""
# Both in one snapshot: a session that was made under a generation is not read without it.
_LEGACY = """
SELECT tag, ref, kept, generation, NULL::bigint AS used_ms, NULL::bytea AS record
FROM session_revocation WHERE tag = ANY($1::text[]) AND until > now()
UNION ALL
SELECT tag, ref, '', 0, used_ms, record FROM session_journal WHERE tag = ANY($1::text[])
ORDER BY generation
"""
_RECENT = """
SELECT tag, ref, kept, generation FROM session_revocation WHERE at > now() - make_interval(secs => $1)
ORDER BY seq DESC LIMIT $2
"""
_ROWS = """
SELECT seq, (extract(epoch FROM at) * 1000)::bigint AS at_ms, agency, service, tag, ref, kept, subject, reason
FROM session_revocation WHERE seq > $1 ORDER BY seq LIMIT $2
"""
_NEWEST = "SELECT seq, swept FROM session_feed"
_SWEEP = """
WITH old AS (
    DELETE FROM session_revocation WHERE seq = ANY(ARRAY(
        SELECT seq FROM session_revocation WHERE until < now() ORDER BY until LIMIT $1
    )) RETURNING seq
), over AS (
    DELETE FROM session_journal WHERE (tag, ref) IN (
        SELECT tag, ref FROM session_journal
        WHERE absolute_ms < extract(epoch FROM now()) * 1000 - $2 ORDER BY absolute_ms LIMIT $1
    ) RETURNING 1
), told AS (
    UPDATE session_feed SET swept = GREATEST(swept, (SELECT max(seq) FROM old))
    WHERE EXISTS (SELECT 1 FROM old)
)
SELECT (SELECT count(*) FROM old) + (SELECT count(*) FROM over)
"""


class Pool(Protocol):
    """What is asked of the database."""

    async def fetch(self, query: str, *args: object) -> list[Any]: ...

    async def fetchrow(self, query: str, *args: object) -> Any: ...

    async def fetchval(self, query: str, *args: object) -> Any: ...

    async def execute(self, query: str, *args: object) -> str: ...


class PostgresLedger:
    """``sadd.session.store.Ledger``. ``away`` is what the pool raises when the database is away."""

    def __init__(self, pool: Pool, away: tuple[type[Exception], ...]) -> None:
        self._pool = pool
        self._away = away

    @contextmanager
    def _there(self) -> Iterator[None]:
        try:
            yield
        except self._away as gone:
            raise StoreUnavailable(f"database: {type(gone).__name__}") from gone

    async def revoke(self, endings: Sequence[Ending]) -> list[int]:
        columns = [
            [each.agency for each in endings],
            [each.service for each in endings],
            [each.tag for each in endings],
            [each.digest for each in endings],
            [each.subject for each in endings],
            [each.reason for each in endings],
            [each.kept for each in endings],
            [each.until_ms for each in endings],
        ]
        with self._there():
            rows = await self._pool.fetch(
                _REVOKE, *columns, *(each / 1000 for each in (FEED_KEPT_MS, ABSOLUTE_MS_MAX, LATE_MS))
            )
        return sorted(row["generation"] for row in rows)

    async def write(self, entries: Sequence[Entry]) -> list[bool]:
        columns = [
            [each.tag for each in entries],
            [each.digest for each in entries],
            [each.version for each in entries],
            [each.used_ms for each in entries],
            [each.absolute_ms for each in entries],
            [each.record for each in entries],
            [each.instead_of for each in entries],
            [each.expected for each in entries],
        ]
        with self._there():
            kept = {(row["tag"], row["ref"]) for row in await self._pool.fetch(_WRITE, *columns)}
        return [(each.tag, each.digest) in kept for each in entries]

    async def note(self, uses: Sequence[tuple[str, str, int]]) -> list[None]:
        columns = [[use[at] for use in uses] for at in range(3)]
        with self._there():
            await self._pool.execute(_NOTE, *columns)
        return [None] * len(uses)

    async def legacies(self, tags: Sequence[str]) -> list[Legacy]:
        with self._there():
            rows = await self._pool.fetch(_LEGACY, list(tags))
        of_tag: defaultdict[str, list[Any]] = defaultdict(list)
        for row in rows:
            of_tag[row["tag"]].append(row)
        return [_legacy(of_tag[tag]) for tag in tags]

    async def rows(self, after: int, limit: int) -> tuple[list[Row], int, int]:
        with self._there():
            # The newest is read first: all up to it are there, and what comes meanwhile is read as well.
            newest = await self._pool.fetchrow(_NEWEST)
            rows = [Row(*row) for row in await self._pool.fetch(_ROWS, after, limit)]
        return rows, max(newest["seq"], rows[-1].seq if rows else 0), newest["swept"]

    async def recent(self, seconds: float) -> list[Ended]:
        with self._there():
            rows = await self._pool.fetch(_RECENT, seconds, RECENT_ROWS)
        return [Ended(*row) for row in reversed(rows)]

    async def sweep(self) -> int:
        with self._there():
            return int(await self._pool.fetchval(_SWEEP, SWEPT_ROWS, LATE_MS))


def _legacy(rows: Sequence[Any]) -> Legacy:
    generation, kept = 0, ""
    ended: list[str] = []
    records: list[tuple[str, bytes]] = []
    for row in rows:
        if row["record"] is not None:
            records.append((row["ref"], _as_of_last_use(row["record"], row["used_ms"])))
        elif row["ref"]:
            ended.append(row["ref"])
        else:
            generation, kept = row["generation"], row["kept"]
    gone = set(ended)
    alive = [each for each in records if each[0] not in gone and generation_of(each[1]) >= generation]
    return Legacy(generation, kept, tuple(ended), tuple(alive))


def _as_of_last_use(record: bytes, used_ms: int) -> bytes:
    """A use is noted once in a quarter of the idle time; the last one was before the next quarter began."""
    quarter = max(idle_of(record) // USES_OF_IDLE, 1)
    return used_at(record, (used_ms // quarter + 1) * quarter)
