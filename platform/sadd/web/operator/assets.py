"""What the page loads: its style, its script, and the library of charts, all from here."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from aiohttp import hdrs, web

from sadd.web.endpoint import Call
from sadd.web.problem import not_found

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".txt": "text/plain"}
NAMES = ("operator.css", "operator.js", "uplot.css", "uplot.js", "uplot-licence.txt")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page. ``integrity`` is for the attribute of that name."""

    body: bytes
    media_type: str
    tag: str
    integrity: str


@cache
def assets() -> dict[str, Asset]:
    folder = files("sadd.web.operator").joinpath("static")
    return {name: _asset(name, folder.joinpath(name).read_bytes()) for name in NAMES}


def _asset(name: str, body: bytes) -> Asset:
    digest = hashlib.sha384(body).digest()
    media_type = MEDIA_TYPES[name[name.rindex(".") :]]
    return Asset(body, media_type, f'"{digest[:12].hex()}"', f"sha384-{base64.b64encode(digest).decode()}")


async def serve_asset(call: Call) -> web.StreamResponse:
    """Asked for anew each time, since a release changes it; mostly answered by 304."""
    asset = assets().get(call.request.match_info["name"])
    if asset is None:
        raise not_found()
    headers = {hdrs.ETAG: asset.tag, hdrs.CACHE_CONTROL: "no-cache"}
    if asset.tag in call.request.headers.get(hdrs.IF_NONE_MATCH, ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=asset.body, content_type=asset.media_type, charset="utf-8", headers=headers)
