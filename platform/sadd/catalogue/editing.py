"""Changes one service at a time, by the rules of the files, on the state that the editor saw."""

import hashlib
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, cast

import msgspec

from sadd.catalogue import rules, store
from sadd.catalogue.fault import Finding
from sadd.catalogue.importing import retired
from sadd.catalogue.kinds import CLASS_KINDS, assemble
from sadd.catalogue.model import Service
from sadd.catalogue.store import Change, Write
from sadd.postgres.pool import Pool

ANYTHING: Literal["*"] = "*"
"""The condition that the service exists, whatever it says (``If-Match: *``, RFC 9110, section 13.1.1)."""

NOTHING: Literal["\n"] = "\n"
"""The condition that there is no such service yet (``If-None-Match: *``). No tag can be a line break."""


@dataclass(frozen=True, slots=True)
class Editor:
    """Who edits, by the name in the audit, and for which agency; None is for every agency."""

    actor: str
    agency: str | None

    def owns(self, service: Service) -> bool:
        return self.agency is None or service.agency == self.agency


@dataclass(frozen=True, slots=True)
class Edited:
    """Done, or already so. The service after the edit, and whether it is new."""

    service: Service
    created: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """Refused: the service is not what the editor saw. ``current`` is None where there is none."""

    current: Service | None


@dataclass(frozen=True, slots=True)
class Foreign:
    """Refused: the service belongs to another agency, or would."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """Refused: these rules are broken."""

    findings: tuple[Finding, ...]


Refusal = Stale | Foreign | Invalid


def tag(service: Service) -> str:
    """A strong validator: differs exactly when any field does."""
    return fingerprint(msgspec.json.encode(service))


def fingerprint(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()


async def put(
    pool: Pool, editor: Editor, service: Service, seen: Collection[str], today: date
) -> Edited | Refusal:
    """Writes the whole service if it still is as ``seen``: one of the tags, ``ANYTHING`` or ``NOTHING``."""
    async with store.changing(pool, editor.actor) as change:
        current = await _current(change, service.id)
        if not editor.owns(service) or (current and not editor.owns(current)):
            return Foreign()
        if not _matches(current, seen):
            return Stale(current)
        if findings := [finding async for finding in _findings(change, service, today)]:
            return Invalid(tuple(findings))
        await _write(change, current, service)
    return Edited(service, created=current is None)


async def retire(pool: Pool, editor: Editor, id_: str, seen: Collection[str]) -> Edited | Refusal:
    """Takes a service out of the offer for good, on the same conditions. Retiring twice is no change."""
    async with store.changing(pool, editor.actor) as change:
        current = await _current(change, id_)
        if current is None:
            return Stale(None)
        if not editor.owns(current):
            return Foreign()
        if not _matches(current, seen):
            return Stale(current)
        after = retired(current)
        await _write(change, current, after)
    return Edited(after, created=False)


async def _current(change: Change, id_: str) -> Service | None:
    return cast("Service | None", await store.read_entry(change.connection, "services", id_))


def _matches(current: Service | None, seen: Collection[str]) -> bool:
    if current is None:
        return NOTHING in seen
    return ANYTHING in seen or tag(current) in seen


async def _write(change: Change, before: Service | None, after: Service) -> None:
    if before is None:
        await change.write([Write("add", "services", None, after)])
    elif before != after:
        retires = after.status == "retired" != before.status
        await change.write([Write("retire" if retires else "change", "services", before, after)])


async def _findings(change: Change, service: Service, today: date) -> AsyncIterator[Finding]:
    """The rules of the files, judged on what the database holds while nobody else may change it."""
    around = await store.read_entries(change.connection, (*CLASS_KINDS, "agencies"))
    known = rules.Known.of(assemble(change.version, around))
    for finding in rules.findings(service, known, today):
        yield finding
    for finding in await _namesakes(change, service):
        yield finding
    for finding in await _taken_hosts(change, service):
        yield finding


async def _namesakes(change: Change, service: Service) -> Iterator[Finding]:
    if service.status == "retired":
        return iter(())
    taken = await store.read_namesakes(change.connection, service.agency, service.id)
    names = (("ar", service.name.ar), ("en", service.name.en))
    return (Finding(("name", key[0]), f"also the name of {taken[key]}") for key in names if key in taken)


async def _taken_hosts(change: Change, service: Service) -> Iterator[Finding]:
    """A name leads to one service: nobody gets the visitors of another's."""
    if service.status == "retired" or not service.hosts:
        return iter(())
    taken = await store.read_hosts(change.connection, service.id, service.hosts)
    hosts = enumerate(service.hosts)
    return (Finding(("hosts", i), f"also a host of {taken[host]}") for i, host in hosts if host in taken)
