"""Reads a folder of catalogue files, and finds every fault in them with its file and line.

agencies.yaml   classes.yaml   apps.yaml   services/<agency-id>.yaml
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from sadd.catalogue import rules, shape
from sadd.catalogue.fault import Fault, Finding
from sadd.catalogue.kinds import CLASS_KINDS, TYPES, Kind, assemble
from sadd.catalogue.model import Catalogue, QueueClass, Service
from sadd.catalogue.pages import Block, Pages, read_pages

SHIPPED = Path(__file__).parent / "data"
"""The catalogue that comes with Sadd."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a folder says. ``catalogue`` is None exactly if there are faults; warnings forbid nothing."""

    catalogue: Catalogue | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def read_folder(folder: Path, today: date) -> Reading:
    """Reads and judges everything under ``folder``. NotADirectoryError if it is none."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder of catalogue files")
    pages = read_pages(folder)
    faults = [*pages.faults, *_judge(pages, today)]
    catalogue = None if faults else _catalogue(pages.blocks)
    return Reading(catalogue, tuple(sorted(set(faults))), tuple(sorted(_warnings(pages))))


def _judge(pages: Pages, today: date) -> Iterator[Fault]:
    known = _known(pages)
    orphaned = {
        file for file, agency in pages.agencies.items() if agency not in known.ids.get("agencies", {agency})
    }
    for file in orphaned:
        agency = pages.agencies[file]
        hint = shape.nearest(agency, known.ids["agencies"])
        yield Fault(file, 1, f"the file's name is no agency's id: {agency!r}{hint}")
    for block in pages.blocks:
        yield from map(block.fault, _findings(block, known, today, orphaned=block.file in orphaned))
    yield from _duplicates(pages.blocks)


def _findings(block: Block, known: rules.Known, today: date, *, orphaned: bool) -> Iterator[Finding]:
    yield from block.fitted.findings
    for finding in block.fitted.broken(partial(rules.findings, known=known, today=today)):
        # Once for the file is enough; each of its services would say it again.
        if not (orphaned and finding.path == ("agency",)):
            yield finding


def _known(pages: Pages) -> rules.Known:
    ids: dict[Kind, dict[str, bool]] = {kind: {} for kind in TYPES if kind not in pages.unread}
    queues: dict[str, QueueClass] = {}
    for block in pages.blocks:
        value = block.fitted.value
        if block.kind in ids:
            ids[block.kind][block.id] = value is not None and value.status == "retired"
        if isinstance(value, QueueClass):
            queues[block.id] = value
    return rules.Known(ids, queues)


def _duplicates(blocks: list[Block]) -> Iterator[Fault]:
    """One id names one entry of its kind, one agency offers no two services of the same name, and a host
    leads to one service."""
    yield from _twice(((b.kind, b.id), b) for b in blocks if b.id)
    services = [
        (service, b)
        for b in blocks
        if isinstance(service := b.fitted.value, Service) and service.status != "retired"
    ]
    yield from _twice((((s.agency, s.name.ar), b) for s, b in services), ("name", "ar"))
    yield from _twice((((s.agency, s.name.en), b) for s, b in services), ("name", "en"))
    yield from _twice(((host, b) for s, b in services for host in dict.fromkeys(s.hosts)), ("hosts",))


def _twice(keyed: Iterable[tuple[object, Block]], path: tuple[str, ...] = ("id",)) -> Iterator[Fault]:
    first: dict[object, Block] = {}
    for key, block in keyed:
        if key in first:
            place = f"{first[key].file}:{first[key].fitted.line(path)}"
            yield block.fault(Finding(path, f"also at {place}"))
        first.setdefault(key, block)


def _warnings(pages: Pages) -> Iterator[Fault]:
    """What is allowed and yet looks forgotten: classes that protect nothing, agencies with no service."""
    used = _used(pages.blocks)
    yield from _lonely_categories(pages.blocks)
    for block in pages.blocks:
        kind, value = block.kind, block.fitted.value
        if kind in ("services", "apps") or value is None or value.status == "retired":
            continue
        if block.id not in used[kind]:
            what = "no service belongs to it" if kind == "agencies" else "no service uses this class"
            yield block.fault(Finding(("id",), what))


def _lonely_categories(blocks: list[Block]) -> Iterator[Fault]:
    """A category of one service whose name is nearly that of another category is probably a slip."""
    services = [(v, b) for b in blocks if isinstance(v := b.fitted.value, Service)]
    sizes = Counter(service.category for service, _ in services)
    for service, block in services:
        others = [category for category, size in sizes.items() if size > 1]
        if sizes[service.category] == 1 and (hint := shape.nearest(service.category, others, few=0)):
            message = f"no other service is in {service.category!r}{hint}"
            yield block.fault(Finding(("category",), message))


def _used(blocks: list[Block]) -> Mapping[str, set[str | None]]:
    used: dict[str, set[str | None]] = defaultdict(set)
    for service in (b.fitted.value for b in blocks):
        if isinstance(service, Service):
            by = service.protection
            used["agencies"].add(service.agency)
            for kind, id_ in zip(CLASS_KINDS, (by.limits, by.queue, by.cache, by.session), strict=True):
                used[kind].add(id_)
    return used


def _catalogue(blocks: list[Block]) -> Catalogue:
    by_kind: dict[Kind, dict[str, object]] = defaultdict(dict)
    for block in blocks:
        by_kind[block.kind][block.id] = block.fitted.value
    return assemble(0, by_kind)
