"""The page as an HTTP answer: small, for this visitor alone, and with every guard that a browser knows."""

import zlib

from aiohttp import hdrs, web
from multidict import CIMultiDict

from sadd.web.room_page.asked import MARKER
from sadd.web.room_page.look import REFRESH_S, look_of
from sadd.web.room_page.page import Rendered, RoomPage
from sadd.web.room_page.sample import nowhere
from sadd.web.room_page.script_data import POLLING
from sadd.web.room_page.view import RoomView

GZIP_LEVEL = 5
GZIP_WINDOW = 31  # zlib's word for a gzip header with the largest window
MARKED_SECONDS = 24 * 3600

GUARDS = {
    # same-origin, not no-referrer: that would make the browser send our own forms with "Origin: null".
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Strict-Transport-Security": "max-age=31536000",
}
"""Besides the policy of the page itself, and ``nosniff``, which every answer of ours has."""


def page(
    request: web.Request,
    view: RoomView,
    rendered: Rendered,
    *,
    status: int = 200,
    cookie: str = "",
    retry: str | None = None,
) -> web.Response:
    """``cookie`` is a field's value for the ticket, ``retry`` seconds."""
    fields = CIMultiDict(GUARDS)
    fields["Content-Security-Policy"] = rendered.policy
    fields[hdrs.CONTENT_LANGUAGE] = view.look.lang
    fields[hdrs.CACHE_CONTROL] = "no-store"
    if retry is not None:
        fields[hdrs.RETRY_AFTER] = retry
    if view.look.refresh and view.state in POLLING:
        fields["Refresh"] = str(REFRESH_S)  # the reader has switched it on
    if MARKER not in request.cookies:
        fields.add(hdrs.SET_COOKIE, f"{MARKER}=1; Max-Age={MARKED_SECONDS}; Path=/queue; {_KEPT}")
    if cookie:
        fields.add(hdrs.SET_COOKIE, cookie)
    return _html(request, rendered.html, status, fields)


_KEPT = "Secure; HttpOnly; SameSite=Lax"


def moved(address: str, cookie: str = "") -> web.Response:
    """On to an address of ours, or of the catalogue's, by GET."""
    fields = CIMultiDict({hdrs.LOCATION: address, hdrs.CACHE_CONTROL: "no-store", **GUARDS})
    if cookie:
        fields.add(hdrs.SET_COOKIE, cookie)
    return web.Response(status=303, headers=fields)


def unknown(pages: RoomPage, request: web.Request) -> web.Response:
    """There is no such room: said to people."""
    view = nowhere(look_of(request.query, request.headers.get(hdrs.ACCEPT_LANGUAGE, "")))
    return page(request, view, pages.render(view), status=404)


def _html(request: web.Request, html: str, status: int, fields: CIMultiDict[str]) -> web.Response:
    body = html.encode()
    fields[hdrs.VARY] = "Accept-Encoding, Accept-Language"
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW)
        body = packer.compress(body) + packer.flush()
        fields[hdrs.CONTENT_ENCODING] = "gzip"
    fields[hdrs.CONTENT_TYPE] = "text/html; charset=utf-8"
    return web.Response(body=body, status=status, headers=fields)
