"""A purge by the platform's operators: written into the audit first, then done.

An agency's own purges over HTTP are its daily work and leave no row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from cache.space import Space
from sadd.postgres.pool import AWAY, Pool

_NOTE = "INSERT INTO audit (actor, action, subject, after) VALUES ($1, 'cache.purge', $2, $3::jsonb)"
_NUL = "\N{SYMBOL FOR NULL}"
"""The database cannot hold a NUL, a key can."""


class AuditAway(Exception):
    """The database is away, so nothing was purged: nobody could trace it."""


class Cache(Protocol):
    """What is asked of the engine."""

    async def purge(
        self,
        space: Space,
        *,
        keys: Sequence[str] = (),
        tags: Sequence[str] = (),
        everything: bool = False,
        soft: bool = False,
    ) -> int: ...


@dataclass(frozen=True, slots=True)
class Purge:
    """What is to end. ``note`` says why, for people."""

    keys: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    everything: bool = False
    soft: bool = False
    note: str = ""

    def told(self) -> Mapping[str, Any]:
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in fields.items() if value}


async def purge(pool: Pool, cache: Cache, space: Space, wanted: Purge, actor: str) -> int:
    """How many entries were found by key. Raises AuditAway and the cache's StoreUnavailable."""
    told = msgspec.json.encode(wanted.told()).decode().replace("\\u0000", _NUL)
    try:
        await pool.execute(_NOTE, actor, f"cache/{space.name}", told)
    except AWAY as away:
        raise AuditAway(str(away) or type(away).__name__) from away
    return await cache.purge(
        space, keys=wanted.keys, tags=wanted.tags, everything=wanted.everything, soft=wanted.soft
    )
