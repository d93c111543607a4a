"""The journal on PostgreSQL: what of the rooms must survive the hot store. The tables say what is kept.

Every write of a life holds its row of ``queue_life`` FOR SHARE; a restoration updates that row first. So it
either sees all that an older life wrote, or that life is refused from then on.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from queueing.policy import Room
from queueing.store import Claim, Hold, Kept, Latest, Legacy, Move, Place, Stale, StoreUnavailable

RESTORING_SECONDS = 3.0
CLAIMS_PAGE = 5_000
KEPT_MS = 3_600_000
"""A claim is kept so long after its pass ended; ``room.lua`` keeps its bit twice as long."""

_WRITE = """
WITH fenced AS MATERIALIZED (
    SELECT f.room, f.life FROM queue_life f
    JOIN (SELECT DISTINCT * FROM unnest($1::text[], $4::bigint[]) AS w(room, life)) w USING (room, life)
    FOR SHARE OF f
), kept AS (
    INSERT INTO queue_claim AS c (room, lane, number, life, start_ms, ends_ms, "left")
    SELECT n.* FROM unnest(
        $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bool[]
    ) AS n(room, lane, number, life, start_ms, ends_ms, "left")
    JOIN fenced USING (room, life)
    ORDER BY n.room, n.lane, n.number
    ON CONFLICT (room, lane, number) DO UPDATE SET
        life = excluded.life, start_ms = excluded.start_ms, ends_ms = excluded.ends_ms,
        "left" = excluded."left"
    WHERE CASE WHEN excluded.start_ms = c.start_ms
               THEN NOT c."left" AND (excluded."left" OR excluded.ends_ms > c.ends_ms)
               ELSE excluded.life > c.life OR (excluded.life = c.life AND excluded.start_ms > c.start_ms) END
)
SELECT room, life FROM fenced
"""
_RESERVE = """
WITH fenced AS MATERIALIZED (SELECT room FROM queue_life WHERE room = $1 AND life = $3 FOR SHARE)
INSERT INTO queue_line AS l (room, lane, reserved) SELECT room, $2, $4::bigint + $5::bigint FROM fenced
ON CONFLICT (room, lane) DO UPDATE SET reserved = GREATEST(l.reserved, excluded.reserved)
RETURNING reserved
"""
_BEGIN = """
INSERT INTO queue_life AS f (room, life, server, restoring_until)
VALUES ($1, 1, $2, now() + make_interval(secs => $3))
ON CONFLICT (room) DO UPDATE SET life = f.life + 1, server = $2, restored_at = now(),
    restoring_until = now() + make_interval(secs => $3)
WHERE f.restoring_until < now()
RETURNING life
"""
_LINES = """
WITH made AS (
    INSERT INTO queue_line (room, lane) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING
)
SELECT lane, reserved, issued, serving, expired, swept, deleted, doubts FROM queue_line WHERE room = $1
"""
_DOUBT = "UPDATE queue_line SET issued = reserved, doubts = $3 WHERE room = $1 AND lane = $2"
_FRONT = (
    "SELECT lane, max(number) AS number, count(*) AS claims FROM queue_claim WHERE room = $1 GROUP BY lane"
)
_CLAIMS = """
SELECT lane, number, start_ms, ends_ms, "left" FROM queue_claim
WHERE room = $1 AND (lane, number) > ($2, $3) ORDER BY lane, number LIMIT $4
"""
_RESTORING = """
UPDATE queue_life SET restoring_until = now() + make_interval(secs => $3) WHERE room = $1 AND life = $2
RETURNING true
"""
_FINISH = "UPDATE queue_life SET restoring_until = '-infinity' WHERE room = $1 AND life = $2"
_LATEST = """
SELECT f.life, f.server,
    extract(epoch FROM now() - GREATEST(f.restored_at, max(l.ticked_at)))::float8 AS quiet
FROM queue_life f LEFT JOIN queue_line l USING (room) WHERE f.room = $1
GROUP BY f.life, f.server, f.restored_at
"""
_HOLD = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bigint[], $5::text[], $6::bigint[])
        AS w(room, holder, lane, number, old_lane, old_number)
)
INSERT INTO queue_holder AS h (room, holder, lane, number)
SELECT room, holder, lane, number FROM wanted ORDER BY room, holder
ON CONFLICT (room, holder) DO UPDATE SET lane = excluded.lane, number = excluded.number
WHERE EXISTS (
    SELECT 1 FROM wanted w
    WHERE (w.room, w.holder, w.old_lane, w.old_number) = (h.room, h.holder, h.lane, h.number)
)
"""
_HELD = """
SELECT h.room, h.holder, h.lane, h.number FROM queue_holder h
JOIN unnest($1::text[], $2::bytea[]) AS w(room, holder) USING (room, holder)
"""
_LEAD = """
UPDATE queue_leader SET holder = $1, epoch = epoch + (holder <> $1)::int,
    until = clock_timestamp() + make_interval(secs => $2)
WHERE holder = $1 AND until > clock_timestamp() OR until < clock_timestamp()
    OR until > clock_timestamp() + interval '1 min' -- nobody takes it for so long: the clock went back
RETURNING epoch
"""
_RESIGN = "UPDATE queue_leader SET until = '-infinity' WHERE holder = $1 AND epoch = $2"
_TICK = """
WITH lease AS MATERIALIZED (
    SELECT 1 FROM queue_leader WHERE epoch = $1 AND until > clock_timestamp() FOR SHARE
), moves AS (
    SELECT * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
        AS m(room, life, lane, issued, serving, expired)
), fenced AS MATERIALIZED (
    SELECT f.room FROM queue_life f
    JOIN (SELECT DISTINCT room, life FROM moves) m USING (room, life), lease FOR SHARE OF f
), moved AS (
    UPDATE queue_line l SET issued = m.issued, serving = GREATEST(l.serving, m.serving),
        expired = GREATEST(l.expired, m.expired), ticked_at = now()
    FROM moves m JOIN fenced USING (room) WHERE l.room = m.room AND l.lane = m.lane
)
SELECT room FROM fenced
"""
_REMEMBER = """
INSERT INTO queue_outflow AS o (room, remembered, missed, gone) VALUES ($1, $2, $3, $4)
ON CONFLICT (room) DO UPDATE SET remembered = $2, missed = $3, gone = $4
"""
_RECALL = "SELECT remembered, missed, gone FROM queue_outflow WHERE room = $1"
_SWEEP = """
WITH old AS (
    DELETE FROM queue_claim c USING (
        SELECT room, lane, number FROM queue_claim JOIN queue_line l USING (room, lane)
        WHERE room = $1 AND ends_ms < $2 AND number <= l.expired ORDER BY lane, number LIMIT 5000
    ) o WHERE (c.room, c.lane, c.number) = (o.room, o.lane, o.number) AND c.ends_ms < $2
    RETURNING c.lane, c.number
), gone AS (SELECT lane, max(number) AS number, count(*) AS many FROM old GROUP BY lane)
UPDATE queue_line l SET swept = GREATEST(l.swept, gone.number), deleted = l.deleted + gone.many
FROM gone WHERE l.room = $1 AND l.lane = gone.lane
"""


DOUBTS_MAX = 32
"""Ranges of a lane; of more the last are taken for one."""

_FORGET = """
DELETE FROM queue_holder h USING queue_line l
WHERE h.room = $1 AND l.room = h.room AND l.lane = h.lane AND h.number <= l.swept
"""


class Pool(Protocol):
    """What is asked of the database."""

    async def fetch(self, query: str, *args: object) -> list[Any]: ...

    async def fetchrow(self, query: str, *args: object) -> Any: ...

    async def fetchval(self, query: str, *args: object) -> Any: ...

    async def execute(self, query: str, *args: object) -> str: ...


class PostgresLedger:
    """``queueing.store.Ledger``, and the leader's lease and ticks. ``away`` is what the pool raises then."""

    def __init__(self, pool: Pool, away: tuple[type[Exception], ...]) -> None:
        self._pool = pool
        self._away = away

    @contextmanager
    def _there(self) -> Iterator[None]:
        try:
            yield
        except self._away as gone:
            raise StoreUnavailable(f"journal: {type(gone).__name__}") from gone

    # -- claims and numbers --------------------------------------------------

    async def write(self, claims: Sequence[Claim]) -> set[tuple[str, int]]:
        """One statement, one commit, for claims of any rooms; at most one for each number."""
        columns = [
            [each.room for each in claims],
            [each.lane for each in claims],
            [each.number for each in claims],
            [each.life for each in claims],
            [each.start_ms for each in claims],
            [each.ends_ms for each in claims],
            [each.left for each in claims],
        ]
        with self._there():
            return {(row["room"], row["life"]) for row in await self._pool.fetch(_WRITE, *columns)}

    async def reserve(self, room: str, lane: str, life: int, after: int, many: int) -> int:
        """Who asks for what was reserved already gets the same: a block may come twice, it is taken once."""
        with self._there():
            reserved = await self._pool.fetchval(_RESERVE, room, lane, life, after, many)
        if reserved is None:
            raise Stale(room)
        return int(reserved)

    async def held(self, asked: Sequence[tuple[str, bytes]]) -> list[Place | None]:
        columns = [room for room, _ in asked], [holder for _, holder in asked]
        with self._there():
            rows = await self._pool.fetch(_HELD, *columns)
        places = {(row["room"], row["holder"]): (row["lane"], row["number"]) for row in rows}
        return [places.get(each) for each in asked]

    async def hold(self, holds: Sequence[Hold]) -> list[Place]:
        """Committed before it is read: of two who join at once as one, both read the same."""
        columns: list[list[object]] = [
            [each.room for each in holds],
            [each.holder for each in holds],
            [each.place[0] for each in holds],
            [each.place[1] for each in holds],
            [(each.instead_of or ("", 0))[0] for each in holds],
            [(each.instead_of or ("", 0))[1] for each in holds],
        ]
        with self._there():
            await self._pool.execute(_HOLD, *columns)
        found = await self.held([(each.room, each.holder) for each in holds])
        return [place or hold.place for place, hold in zip(found, holds, strict=True)]

    # -- a new life ----------------------------------------------------------

    async def begin(self, room: Room, server: str) -> Legacy | None:
        with self._there():
            life = await self._pool.fetchval(_BEGIN, room.id, server, RESTORING_SECONDS)
            if life is None:
                return None
            # Only now: what an older life wrote is committed, and it can write no more.
            lines = await self._pool.fetch(_LINES, room.id, list(room.shares))
            front = {row["lane"]: row for row in await self._pool.fetch(_FRONT, room.id)}
            totals = await self._pool.fetchrow(_RECALL, room.id)
        kept = dict.fromkeys(room.shares, Kept(0, 0, 0, 0))
        claimed = 0
        for row in lines:
            lane = row["lane"]
            claims = front.get(lane)
            claimed += row["deleted"] + (claims["claims"] if claims else 0)
            kept[lane] = _kept(row, claims["number"] if claims else 0)
        with self._there():
            for lane, line in kept.items():
                await self._pool.execute(
                    _DOUBT, room.id, lane, [edge for pair in line.doubts for edge in pair]
                )
        missed, left = (totals["missed"], totals["gone"]) if totals is not None else (0, 0)
        return Legacy(life, server, kept, claimed, missed, left)

    async def claims(self, room: str, life: int, after: tuple[str, int]) -> Sequence[Claim]:
        with self._there():
            if not await self._pool.fetchval(_RESTORING, room, life, RESTORING_SECONDS):
                raise Stale(room)
            rows = await self._pool.fetch(_CLAIMS, room, *after, CLAIMS_PAGE)
        return [Claim(room, row[0], row[1], life, *row[2:]) for row in rows]

    async def finish(self, room: str, life: int) -> None:
        with self._there():
            await self._pool.execute(_FINISH, room, life)

    async def latest(self, room: str) -> Latest | None:
        with self._there():
            row = await self._pool.fetchrow(_LATEST, room)
        return None if row is None else Latest(row["life"], row["server"], row["quiet"])

    # -- the leader ----------------------------------------------------------

    async def lead(self, holder: str, seconds: float) -> int | None:
        """The epoch, if ``holder`` leads for so long from now; None while another does."""
        with self._there():
            epoch = await self._pool.fetchval(_LEAD, holder, seconds)
        return None if epoch is None else int(epoch)

    async def lives(self) -> set[str]:
        """The rooms that were ever in use."""
        with self._there():
            return {row["room"] for row in await self._pool.fetch("SELECT room FROM queue_life")}

    async def resign(self, holder: str, epoch: int) -> None:
        with self._there():
            await self._pool.execute(_RESIGN, holder, epoch)

    async def tick(self, epoch: int, moves: Sequence[tuple[str, Move, dict[str, int]]]) -> set[str]:
        """Commit the steps of many rooms: id, step, numbers issued by lane. The rooms whose step was kept."""
        rows = [
            (room, move.life, lane, issued[lane], serving, move.expired[lane])
            for room, move, issued in moves
            for lane, serving in move.serving.items()
        ]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 6
        with self._there():
            return {row["room"] for row in await self._pool.fetch(_TICK, epoch, *columns)}

    async def recall(self, room: str) -> bytes:
        """What the last leader remembered of the room's outflow."""
        with self._there():
            row = await self._pool.fetchrow(_RECALL, room)
        return b"" if row is None else bytes(row["remembered"])

    async def remember(self, room: str, remembered: bytes, missed: int, left: int) -> None:
        with self._there():
            await self._pool.execute(_REMEMBER, room, remembered, missed, left)

    async def sweep(self, room: str, now_ms: int) -> None:
        """Delete claims whose pass ended long ago, some thousands at a time."""
        with self._there():
            await self._pool.execute(_SWEEP, room, now_ms - KEPT_MS)
            await self._pool.execute(_FORGET, room)


def _kept(row: Any, claimed: int) -> Kept:
    """A lane for a new life. What was handed out after the leader last looked is in doubt."""
    # Who was admitted at once was called by no tick: all up to the last claim were called.
    serving = max(row["serving"], claimed)
    reserved, known = max(row["reserved"], serving), max(row["issued"], serving)
    edges = row["doubts"]
    doubts = [pair for pair in zip(edges[::2], edges[1::2], strict=True) if pair[1] > row["expired"]]
    if reserved > known:
        doubts.append((known + 1, reserved))
    while len(doubts) > DOUBTS_MAX:
        (first, _), (_, last) = doubts[-2:]
        doubts[-2:] = [(first, last)]
    return Kept(reserved, serving, row["expired"], row["swept"], tuple(doubts))
