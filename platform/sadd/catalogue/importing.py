"""Brings the database to what the files say: one transaction, all or nothing, and again is no change."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from sadd.catalogue import kinds, store
from sadd.catalogue.kinds import Kind
from sadd.catalogue.model import Catalogue, Entry
from sadd.catalogue.store import Verb, Write
from sadd.postgres.pool import Pool

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the ids that it added, changed and retired, and the version after it."""

    version: int
    ids: Mapping[Verb, Mapping[Kind, tuple[str, ...]]]

    def count(self, verb: Verb) -> int:
        return sum(map(len, self.ids[verb].values()))


async def import_catalogue(pool: Pool, catalogue: Catalogue, actor: str) -> Imported:
    """Adds, changes and retires entries until the database says what ``catalogue`` says.

    What is in the database alone is retired, whoever wrote it. Imports that run at once wait for one
    another. StoreUnavailable and asyncpg's errors mean that nothing was imported.
    """
    async with store.changing(pool, actor) as change:
        writes = list(plan(await store.read_entries(change.connection), kinds.entries(catalogue)))
        await change.write(writes)
        version = change.version + change.wrote
    return Imported(version, {verb: _ids(writes, verb) for verb in ("add", "change", "retire")})


async def import_first(pool: Pool, catalogue: Catalogue, actor: str) -> Imported | None:
    """Imports only into a database that never had a catalogue, as a first start does; else None.

    A later start must not take back what administrators wrote since.
    """
    async with store.snapshot(pool) as connection:
        if await store.read_version(connection):
            return None
    async with store.changing(pool, actor) as change:
        if change.version:
            return None
        writes = list(plan({}, kinds.entries(catalogue)))
        await change.write(writes)
    return Imported(1, {verb: _ids(writes, verb) for verb in ("add", "change", "retire")})


def plan(stored: kinds.Entries, wanted: kinds.Entries) -> Iterator[Write]:
    """The writes that lead from ``stored`` to ``wanted``, in the order of the kinds."""
    for kind in kinds.TYPES:
        of_kind = stored.get(kind, {})
        for id_, entry in wanted[kind].items():
            before = of_kind.get(id_)
            if before is None:
                yield Write("add", kind, None, entry)
            elif before != entry:
                yield Write("change", kind, before, entry)
        for id_, before in of_kind.items():
            if id_ not in wanted[kind] and before.status != "retired":
                yield Write("retire", kind, before, retired(before))


def retired(entry: E) -> E:
    """The same entry, retired: still found by its id, offered to nobody."""
    return msgspec.structs.replace(entry, status="retired")


def _ids(writes: list[Write], verb: Verb) -> dict[Kind, tuple[str, ...]]:
    return {kind: tuple(w.id for w in writes if w.verb == verb and w.kind == kind) for kind in kinds.TYPES}
