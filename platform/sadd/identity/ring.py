"""All live API keys in a worker's memory, and who a request's ``Authorization`` header says it is.

A worker loads the whole table, swaps it in at once, and loads it again when ``sadd_keys`` is announced:
a revocation counts from the swap on, an expiry from its very second, since each call compares the clock.
While the database is away the ring goes on with what it has.

A key may be used before its announcement has come here, so one that is not in the ring is looked up in the
table before it is refused: LOOK_UPS_PER_SECOND_MAX of them, since anyone can invent keys.

What a header says (its prefix, and the hash of its secret) is remembered of the last HEADERS_MAX headers,
since reading one takes 1 µs, most of an authentication. Whether that is a key in force is asked at each
call: a cache of that would have to be emptied in time for every revocation and expiry.
"""

import asyncio
import contextlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import asyncpg

from sadd.identity.caller import Caller
from sadd.identity.key import KEY_PATTERN, secret_hash
from sadd.postgres.pool import AWAY, Pool

HEADERS_MAX = 1024
HEADER_LENGTH_MAX = 128
"""A key's header has 57 characters; there may be more spaces between the scheme and the key."""

LOOK_UPS_PER_SECOND_MAX = 20
LOOK_UP_SECONDS_MAX = 1.0

# RFC 9110 section 11.1: the scheme's letters may be of either case. RFC 6750 section 2.1: then the token.
_HEADER = re.compile(rf"(?i:bearer) +{KEY_PATTERN}")

_LIVE = """
    SELECT prefix, hash, agency, scopes, expires_at FROM api_key
    WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)
"""
_LIVE_ONE = f"{_LIVE} AND prefix = $2"
# Rows are locked in order of prefix: two workers that write the same keys would else meet in a deadlock.
_WRITE_LAST_USED = """
    WITH used AS (
        SELECT k.prefix, u.at
        FROM api_key k JOIN unnest($1::text[], $2::timestamptz[]) AS u (prefix, at) USING (prefix)
        ORDER BY k.prefix FOR NO KEY UPDATE OF k
    )
    UPDATE api_key k SET last_used_at = used.at FROM used
    WHERE k.prefix = used.prefix AND (k.last_used_at IS NULL OR k.last_used_at < used.at)
"""


@dataclass(frozen=True, slots=True)
class LiveKey:
    hash: bytes
    expires_at: float
    """Seconds since the epoch; infinite is never."""
    caller: Caller


# What an unknown prefix is compared with, so that it takes as long as a wrong secret does. No secret has
# a hash of zeros, and if one had, it expired in 1970.
_NOBODY = LiveKey(bytes(32), 0.0, Caller("", "", frozenset()))


@dataclass(frozen=True, slots=True)
class KeyRingStats:
    keys: int
    loads: int
    look_ups: int
    """Of keys that were not in the ring."""
    refusals: int
    """Calls that had a header and were nobody."""


class KeyRing:
    """The keys of one worker. ``clock`` tells seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time, *, pool: "Pool | None" = None) -> None:
        """Without ``pool`` nothing is looked up."""
        self._clock = clock
        self._pool = pool
        self._keys: Mapping[str, LiveKey] = {}
        self._used: dict[str, float] = {}
        self._loading = asyncio.Lock()
        self._loads = 0
        self._look_ups = 0
        self._look_up_second = (0, 0)  # which second it is, and how many there were in it
        self._refusals = 0

    def authenticate(self, authorization: str | None) -> Caller | None:
        """The caller, or None alike for a missing, malformed, unknown, wrong, expired or revoked key.

        Takes 1.3 µs, or 0.3 for a header that was read before; as long for an unknown prefix as for a wrong
        secret.
        """
        if authorization is None:
            return None
        # Only headers of a key's length are read: what is remembered must not be as long as anyone likes.
        found = _read(authorization) if len(authorization) <= HEADER_LENGTH_MAX else None
        if found is None:
            self._refusals += 1
            return None
        prefix, hash_ = found
        key = self._keys.get(prefix, _NOBODY)
        right = hmac.compare_digest(hash_, key.hash)
        now = self._clock()
        if not right or now >= key.expires_at:
            self._refusals += 1
            return None
        self._used[prefix] = now
        return key.caller

    def in_force(self, prefix: str) -> Caller | None:
        """Whose key has this public prefix, if it is in force: for who showed its secret before."""
        key = self._keys.get(prefix, _NOBODY)
        now = self._clock()
        if now >= key.expires_at:
            return None
        self._used[prefix] = now
        return key.caller

    def is_stranger(self, authorization: str) -> bool:
        """Whether this has the form of a key and is none that the ring knows."""
        found = _read(authorization) if len(authorization) <= HEADER_LENGTH_MAX else None
        return found is not None and found[0] not in self._keys

    async def look_up(self, authorization: str) -> None:
        """Take in a stranger's key if it is in the table. Silently does nothing beyond the bound or with the
        database away: the key is then unknown until its announcement comes."""
        found = _read(authorization)
        if found is None or self._pool is None or not self._may_look_up():
            return
        with contextlib.suppress(*AWAY):
            async with asyncio.timeout(LOOK_UP_SECONDS_MAX), self._loading:
                if found[0] not in self._keys:
                    row = await self._pool.fetchrow(_LIVE_ONE, _moment(self._clock()), found[0])
                    self._keys = self._keys if row is None else {**self._keys, found[0]: _live_key(row)}

    def _may_look_up(self) -> bool:
        now = int(self._clock())
        second, so_far = self._look_up_second
        so_far = so_far + 1 if second == now else 1
        self._look_up_second = (now, so_far)
        self._look_ups += so_far <= LOOK_UPS_PER_SECOND_MAX
        return so_far <= LOOK_UPS_PER_SECOND_MAX

    async def load(self, pool: Pool) -> None:
        """Take in the table as it is now. If that fails, the keys stay as they were."""
        # One at a time: a slow older load must not overwrite a newer one with what it read before.
        async with self._loading:
            rows = await pool.fetch(_LIVE, _moment(self._clock()))
            self._keys = {row["prefix"]: _live_key(row) for row in rows}
            self._loads += 1

    async def write_last_used(self, pool: Pool) -> int:
        """Write when keys were used since the last writing; how many keys that were.

        If it fails, they are kept for the next time. There are never more than there are keys.
        """
        used, self._used = self._used, {}
        if not used:
            return 0
        try:
            await pool.execute(_WRITE_LAST_USED, list(used), [_moment(at) for at in used.values()])
        except BaseException:
            self._used = {**used, **self._used}
            raise
        return len(used)

    def stats(self) -> KeyRingStats:
        return KeyRingStats(len(self._keys), self._loads, self._look_ups, self._refusals)


@lru_cache(maxsize=HEADERS_MAX)
def _read(authorization: str) -> tuple[str, bytes] | None:
    """Prefix and hash of the secret; None if it is no key."""
    found = _HEADER.fullmatch(authorization)
    return None if found is None else (found[1], secret_hash(found[2]))


def _live_key(row: asyncpg.Record) -> LiveKey:
    expires_at: datetime | None = row["expires_at"]
    return LiveKey(
        hash=row["hash"],
        expires_at=float("inf") if expires_at is None else expires_at.timestamp(),
        caller=Caller(row["prefix"], row["agency"], frozenset(row["scopes"])),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
