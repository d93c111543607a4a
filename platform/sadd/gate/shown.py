"""What a visitor shows: a session, an entry of the service, a pass of its waiting room."""

from collections.abc import Iterator

from sadd.gate.original import Headers
from sadd.web.sessions_cookie import DoubledCookie, session_in
from sadd.web.sessions_refused import SESSION_HEADER

ENTRY_HEADER = "Sadd-Entry"
ENTRY_COOKIE = "sadd_entry_"
"""With the service's id behind it: two services of one host each have their own."""
PASS_HEADER = "Sadd-Pass"  # noqa: S105  # the name of a field
PASS_PARAMETER = "sadd_pass"  # noqa: S105  # the name of a parameter

ENTRIES_MAX = 4
"""That are looked at: a neighbouring host can set cookies of this name too, and verifying takes time."""
PARAMETERS_MAX = 200
_NONE: list[str] = []


def session_shown(headers: Headers) -> str:
    """The id, or empty: also where its cookie is there twice, since one may be somebody else's."""
    if shown := headers.get(SESSION_HEADER):
        return shown
    try:
        return session_in(headers.getall("Cookie", _NONE))
    except DoubledCookie:
        return ""


def entries_shown(headers: Headers, service: str) -> list[str]:
    """What may be entries of the service, a few at most."""
    name = ENTRY_COOKIE + service
    shown = [*headers.getall(ENTRY_HEADER, _NONE)]
    shown += [value for found, value in _cookies(headers, name) if found == name]
    return shown[:ENTRIES_MAX]


def pass_shown(headers: Headers, uri: str) -> str:
    """The pass in the field or in the query, or empty: also where there are two, of which one is not his."""
    shown = {*headers.getall(PASS_HEADER, _NONE)}
    if PASS_PARAMETER in uri:
        shown |= {value for name, _, value in _parameters(uri) if name == PASS_PARAMETER}
    return shown.pop() if len(shown) == 1 else ""


def pass_in_query(uri: str) -> bool:
    return PASS_PARAMETER in uri and any(name == PASS_PARAMETER for name, _, _ in _parameters(uri))


def without_pass(uri: str) -> str:
    """The URI as it was before the pass was put into it."""
    path, _, query = uri.partition("#")[0].partition("?")
    if PASS_PARAMETER not in query:
        return f"{path}?{query}" if query else path
    kept = [name + sign + value for name, sign, value in _parameters(f"?{query}") if name != PASS_PARAMETER]
    return f"{path}?{'&'.join(kept)}" if kept else path


def _parameters(uri: str) -> Iterator[tuple[str, str, str]]:
    """As they stand there: a pass needs no quoting, neither its name nor its value."""
    query = uri.partition("#")[0].partition("?")[2]
    for one in query.split("&", PARAMETERS_MAX):
        yield one.partition("=")


def _cookies(headers: Headers, looked_for: str) -> Iterator[tuple[str, str]]:
    """Names and values; none without a further look if this text is in no line."""
    lines = headers.getall("Cookie", _NONE)
    if not any(looked_for in line for line in lines):
        return
    for line in lines:
        for one in line.split(";"):
            name, _, value = one.partition("=")
            yield name.strip(), value.strip()
