"""The seven kinds of entry, by one word each: in files, in the database, and on the command line."""

from collections.abc import Mapping
from typing import Literal

from sadd.catalogue.model import (
    Agency,
    App,
    CacheClass,
    Catalogue,
    Classes,
    Entry,
    LimitClass,
    QueueClass,
    Service,
    SessionClass,
)

Kind = Literal["limits", "queues", "caches", "sessions", "agencies", "services", "apps"]

TYPES: Mapping[Kind, type[Entry]] = {
    "limits": LimitClass,
    "queues": QueueClass,
    "caches": CacheClass,
    "sessions": SessionClass,
    "agencies": Agency,
    "services": Service,
    "apps": App,
}
"""In the order in which they refer to one another: whatever an entry names stands before it."""

CLASS_KINDS: tuple[Kind, ...] = ("limits", "queues", "caches", "sessions")

Entries = Mapping[Kind, Mapping[str, Entry]]
"""All entries by kind and id."""


def entries(catalogue: Catalogue) -> Entries:
    classes = catalogue.classes
    return {
        "limits": classes.limits,
        "queues": classes.queues,
        "caches": classes.caches,
        "sessions": classes.sessions,
        "agencies": catalogue.agencies,
        "services": catalogue.services,
        "apps": catalogue.apps,
    }


def assemble(version: int, by_kind: Mapping[Kind, Mapping[str, object]]) -> Catalogue:
    """The catalogue of these entries. Each mapping must hold its kind's type; nothing is copied."""

    def of(kind: Kind) -> dict[str, object]:
        return dict(by_kind.get(kind, {}))

    classes = Classes(*(of(kind) for kind in CLASS_KINDS))  # type: ignore[arg-type]  # by the contract above
    return Catalogue(version, of("agencies"), of("services"), of("apps"), classes)  # type: ignore[arg-type]
