"""Where an admitted visitor goes: the registered address of a service of the room, and a path there.

The host is the catalogue's, never one that a visitor wrote: a waiting room that redirects anywhere would
lend the state's name to whoever sends links.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from sadd.catalogue.model import Catalogue
from sadd.rooms.spec import RoomSpec

PATH_CHARACTERS_MAX = 2_000
PASS_PARAMETER = "sadd_pass"  # noqa: S105  # the name of a parameter, no password
_VIA = re.compile(r"[a-z0-9]{1,64}")
"""The connection by which a visitor came; whether there is such a one is asked at the turn."""
_SAFE = "!$%&'()*+,/:;=?@[]~-._"


def service_of(spec: RoomSpec, asked: str | None) -> str:
    """The service that was asked for, if the room is its door; else the room's first."""
    return asked if asked is not None and asked in spec.services else spec.services[0]


def page_of(asked: str | None) -> str:
    """A path with its query. It begins with exactly one slash: two would be another host to a browser."""
    if not asked or not asked.startswith("/"):
        return "/"
    path = quote("/" + asked.partition("#")[0].lstrip("/\\"), safe=_SAFE, errors="replace")
    return path if len(path) <= PATH_CHARACTERS_MAX else "/"


def target(catalogue: Catalogue, service_id: str, path: str, admission: str) -> str:
    """The address with the pass, which the gate there takes off again."""
    sign = "&" if "?" in path else "?"
    origin = catalogue.services[service_id].origin.rstrip("/")
    return f"{origin}{path}{sign}{urlencode({PASS_PARAMETER: admission})}"


def by_connector(room_path: str, service_id: str, path: str, via: str) -> str:
    """For a visitor whom a site's connector sent: there his pass becomes its token (``sadd.web.queueit``)."""
    return f"{room_path}/queueit?{urlencode({'service': service_id, 'path': path, 'via': via})}"


def origins(catalogue: Catalogue, spec: RoomSpec) -> tuple[str, ...]:
    """Of the room's services, for the page's policy."""
    found = (catalogue.services[id_].origin for id_ in spec.services if id_ in catalogue.services)
    return tuple(dict.fromkeys(_origin(url) for url in found))


def kept(query: Mapping[str, str], spec: RoomSpec) -> dict[str, str]:
    """What of the page's query leads to the service: every other look and every form keeps it."""
    found = {}
    if (service := query.get("service")) in spec.services:
        found["service"] = str(service)
    if (path := page_of(query.get("path"))) != "/":
        found["path"] = path
    if _VIA.fullmatch(via := query.get("via", "")):
        found["via"] = via
    return found


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
