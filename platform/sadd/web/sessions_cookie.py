"""The cookie that carries a session's id: what may be in it, and how it is set and taken away.

``__Host-`` binds it to one host over TLS (RFC 6265bis, 4.1.3.2); without the prefix it is for trying things
out over plain HTTP. What a browser keeps is the id alone: 54 letters that mean nothing anywhere else.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

SESSION_COOKIES = ("__Host-sadd_session", "sadd_session")
"""By precedence: only the first cannot be set from another host of the domain."""
_LOOKED_FOR = "sadd_session="
"""Without it in any field there is nothing to be read."""
COOKIE_BYTES_MAX = 4_096
"""Name and value (ASVS 5.0, 3.3.5)."""
LIFE_SECONDS_MAX = 400 * 24 * 3_600
"""Browsers keep none for longer (RFC 6265bis, 5.5)."""
CLEARED = "; ".join((f"{SESSION_COOKIES[0]}=", "Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=0"))
CLEAR_SITE_DATA = '"cache", "cookies", "storage"'
"""For the answer that tells a browser that it is signed out (ASVS 5.0, 14.3.1)."""

SameSite = Literal["lax", "strict"]


class DoubledCookie(ValueError):
    """The session's cookie is there twice: nobody can say which of them the browser meant."""


def session_in(fields: Sequence[str]) -> str:
    """The id in a request's ``Cookie`` fields; empty if there is none. Raises DoubledCookie.

    A name counts letter for letter: a browser takes ``__host-`` for the prefix, too, but what it then sends
    is not called as ours is.
    """
    if not any(_LOOKED_FOR in field for field in fields):
        return ""
    found: dict[str, str] = {}
    for pair in _pairs(fields):
        name, equals, value = pair.strip(" \t").partition("=")
        if not equals or name not in SESSION_COOKIES:
            continue
        if name in found:
            raise DoubledCookie(f"{name} is there twice")
        if len(pair) <= COOKIE_BYTES_MAX:
            found[name] = value.strip('"')
    return next((found[name] for name in SESSION_COOKIES if name in found), "")


def session_cookie(field: str | None) -> str:
    """As ``session_in``, for who can do without a session: two of the name are none."""
    try:
        return "" if field is None else session_in((field,))
    except DoubledCookie:
        return ""


def set_cookie(session_id: str, lives_ms: int, same_site: SameSite = "lax") -> str:
    """The value of a ``Set-Cookie`` field. It lives as long as the session may: its idle time is the
    server's to tell, and a cookie that ended with it would have to be set anew with each answer."""
    lives_s = min(lives_ms // 1000, LIFE_SECONDS_MAX)
    text = (
        f"{SESSION_COOKIES[0]}={session_id}; Path=/; Secure; HttpOnly; "
        f"SameSite={same_site.capitalize()}; Max-Age={lives_s}"
    )
    if len(text) > COOKIE_BYTES_MAX:
        raise ValueError(f"a cookie has at most {COOKIE_BYTES_MAX} bytes")
    return text


def _pairs(fields: Sequence[str]) -> Iterable[str]:
    """A proxy may split the field into several (RFC 9113, 8.2.3)."""
    for field in fields:
        yield from field.split(";")
