"""Where a visitor is sent: into the room, or on to the page without the pass in its address.

Both addresses are ours: a room's, or a path of the very host that was asked. Nothing that a visitor writes
becomes a host.
"""

from urllib.parse import quote, urlencode

from sadd.gate.shown import without_pass

PATH_CHARACTERS_MAX = 2_000
"""Of the page to come back to. A longer one is given up for the service's first page."""

_SAFE = "!#$%&'()*+,/:;=?@[]~-._"


def into_room(base: str, room: str, service: str, uri: str, why: str = "") -> str:
    """The address of the room's page, which knows what it is the way to; ``why`` a pass was refused."""
    asked = {"service": service, "path": page_of(uri)}
    if why:
        asked["pass"] = why
    return f"{base.rstrip('/')}/queue/{quote(room, safe='')}?{urlencode(asked, quote_via=quote, safe='/')}"


def page_of(uri: str) -> str:
    """The visitor's page as a path with its query, without a pass: it begins with exactly one slash.

    ``//evil.example`` would be another host, and so would ``/\\evil.example`` to a browser, which also leaves
    out tabs and line ends.
    """
    path = without_pass(uri)
    if not path.startswith("/"):  # https://host/path
        _, sign, rest = path.partition("://")
        path = "/" + rest.partition("/")[2] if sign else "/"
    path = quote("/" + path.lstrip("/\\"), safe=_SAFE, errors="surrogateescape")
    return path if len(path) <= PATH_CHARACTERS_MAX else "/"
