"""A site that runs a connector: under which name it calls, what it may send visitors back to, and how."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from sadd.catalogue.model import Catalogue

CUSTOMER = re.compile(r"[a-z0-9]{1,64}")
EVENT = re.compile(r"[A-Za-z0-9-]{1,100}")
"""No ``_`` and no ``~``: the token is cut at them, so an event that has one could run into its neighbour."""
DOMAIN = re.compile(r"[a-z0-9.-]{1,253}(:[0-9]{1,5})?")
PATH = re.compile(r"/[!-~]{0,199}")

TOKEN_SECONDS_LEAST, TOKEN_SECONDS_MOST = 10, 300
COOKIE_MINUTES_MOST = 24 * 60
NAMES_MOST = 64


class ConnectionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is set of a connection; its secret is kept beside it."""

    customer: str
    """The connector's customer id."""
    agency: str
    services: tuple[str, ...]
    """Whose registered URLs visitors may go back to; each has a waiting room."""
    domain: str
    """Where browsers reach Sadd: ``queue.example.gov``, with its port if it has one."""
    events: Mapping[str, str] = {}
    """The connector's event id to the id of a room, where they differ."""
    token_seconds: int = 120
    """How long a token may take from here to the site."""
    bind_address: bool = False
    """The token is good from the visitor's address only. Off: many change it on the way, or have two."""
    cookie: Literal["pass", "site"] = "pass"
    """How long the site lets the visitor in: until the pass ends, or ``cookie_minutes`` after each page."""
    cookie_minutes: int = 20
    ignored: tuple[str, ...] = ()
    """Paths of the site that need no pass, such as a payment's return."""
    leaving: tuple[str, ...] = ()
    """Paths of the site at which the visitor is done: the connector gives the slot back there."""


@dataclass(frozen=True, slots=True)
class Connection:
    """``version`` grows with each change; a connector tells it back as ``cver``."""

    settings: ConnectionSettings
    version: int
    secret: str = field(repr=False)

    def room_of(self, event: str) -> str | None:
        """The id of the room that the site calls ``event``; a room has one name, so None for a second one."""
        if event in self.settings.events:
            return self.settings.events[event]
        return None if event in self.settings.events.values() else event

    def event_of(self, room: str) -> str:
        """What the site calls the room."""
        named = (event for event, known in self.settings.events.items() if known == room)
        return next(named, room)


def findings(settings: ConnectionSettings, catalogue: Catalogue) -> Iterator[str]:
    """Everything that is wrong, in words."""
    if not CUSTOMER.fullmatch(settings.customer):
        yield f"customer {settings.customer!r} is not 1 to 64 small letters and digits"
    if not DOMAIN.fullmatch(settings.domain):
        yield f"domain {settings.domain!r} is no host name"
    if not TOKEN_SECONDS_LEAST <= settings.token_seconds <= TOKEN_SECONDS_MOST:
        yield f"token_seconds is {settings.token_seconds}, not {TOKEN_SECONDS_LEAST}..{TOKEN_SECONDS_MOST}"
    if not 1 <= settings.cookie_minutes <= COOKIE_MINUTES_MOST:
        yield f"cookie_minutes is {settings.cookie_minutes}, not 1..{COOKIE_MINUTES_MOST}"
    for path in (*settings.ignored, *settings.leaving):
        if not PATH.fullmatch(path):
            yield f"path {path!r} does not begin with a slash, is too long, or has a character of no path"
    yield from _names(settings)
    yield from _services(settings, catalogue)


def _names(settings: ConnectionSettings) -> Iterator[str]:
    for event in settings.events:
        if not EVENT.fullmatch(event):
            yield f"event {event!r} is not 1 to 100 letters, digits and hyphens"
    if len(set(settings.events.values())) < len(settings.events):
        yield "two events are one room: a room has one name"
    for what, many in (("services", settings.services), ("events", settings.events)):
        if len(many) > NAMES_MOST:
            yield f"{len(many)} {what}, not up to {NAMES_MOST}"
    for what, paths in (("ignored", settings.ignored), ("leaving", settings.leaving)):
        if len(paths) > NAMES_MOST:
            yield f"{len(paths)} {what} paths, not up to {NAMES_MOST}"


def _services(settings: ConnectionSettings, catalogue: Catalogue) -> Iterator[str]:
    if not settings.services:
        yield "no service is named: there is nothing to go back to"
    for id_ in settings.services:
        service = catalogue.services.get(id_)
        if service is None or service.status == "retired":
            yield f"there is no service {id_!r}"
        elif service.agency != settings.agency:
            yield f"{id_!r} is not a service of {settings.agency}"
