"""Three origins that each make something else of a path, and are as careless as origins are.

Every answer of theirs may be kept by everybody for an hour, whatever it shows: so whatever a shield gives to
the wrong visitor is the shield's own fault.
"""

import asyncio
import posixpath
import re
from collections.abc import Callable
from urllib.parse import unquote

from tests.shield.origin import Request, Said

CARELESS = "Cache-Control: public, max-age=3600, s-maxage=3600"
Normaliser = Callable[[str], str]


def container(path: str) -> str:
    """Like a servlet container: parameters of segments go, then it decodes once, then dots count."""
    return _resolved(unquote(re.sub(r";[^/]*", "", path)))


def decoder(path: str) -> str:
    """Like two servers in a row: decodes twice, takes a backslash for a slash, stops at odd bytes."""
    twice = unquote(unquote(path)).replace("\\", "/")
    return _resolved(re.split(r"[\x00\r\n#?]", twice, maxsplit=1)[0])


def router(path: str) -> str:
    """Like a router of patterns: no matter what case, and what follows a name behind any sign is a format."""
    return re.sub(r"^(/[a-z]+)[^a-z0-9].*$", r"\1", unquote(path).lower(), flags=re.DOTALL)


NORMALISERS: dict[str, Normaliser] = {"container": container, "decoder": decoder, "router": router}


def careless(name: str, prefix: str) -> Said:
    """An origin by this normaliser, mounted behind ``prefix``.

    ``/account`` shows who asks, by whatever he shows; every other page shows all that it was asked with.
    """

    async def say(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path, _, _ = request.target.partition("?")
        page = NORMALISERS[name](path.removeprefix(prefix))
        if page == "/account" or page.startswith("/account/"):
            body = f"account of {_who(request)}"
        else:
            body = f"{request.line}\n{request.fields}\n{request.body!r}"
        status = _status(request)
        more = f"Link: <{request.get('x-forwarded-host')}{request.get('x-original-url')}>\r\n"
        writer.write(_answer(status, more, body.encode("latin-1", "replace")))

    return say


def _who(request: Request) -> str:
    shown = (request.get("authorization"), request.get("cookie"), request.get("x-sadd-subject"))
    return " ".join(one for one in shown if one) or "nobody"


def _status(request: Request) -> str:
    """Careless origins keep their errors for an hour too."""
    if any(len(value) > 6_000 for _, value in request.fields):
        return "431 Too Large"
    if request.get("x-http-method-override") or request.get("x-method-override"):
        return "405 Not Allowed"
    if request.get("range"):
        return "206 Partial Content"
    if request.get("x-forwarded-scheme") == "http":
        return "301 Moved"
    return "200 OK"


def _answer(status: str, more: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\n{CARELESS}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1", "replace") + body


def _resolved(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))
