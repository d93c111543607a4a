"""The session that a visitor shows: in the field ``Sadd-Session``, or in a cookie."""

from sadd.gate.original import Headers
from sadd.web.sessions import SESSION_COOKIES, SESSION_HEADER


def session_shown(headers: Headers) -> str:
    """The id, or empty. The ids of sessions need no quoting, so a cookie's value is what stands there."""
    if shown := headers.get(SESSION_HEADER):
        return shown
    lines = headers.getall("Cookie", [])
    if not any("sadd_session=" in line for line in lines):
        return ""
    cookies = dict(_pair(one) for line in lines for one in line.split(";"))
    return next((cookies[name] for name in SESSION_COOKIES if name in cookies), "")


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()
