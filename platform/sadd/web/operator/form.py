"""A form that a browser sent, read within its bounds."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

BYTES_MAX = 16 * 1024
FIELDS_MAX = 40
MEDIA_TYPE = "application/x-www-form-urlencoded"


def fields(request: web.Request, body: bytes) -> Mapping[str, str]:
    """Its fields, the last of each name; none if this is no form that our pages send."""
    if request.content_type != MEDIA_TYPE:
        return {}
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"
        )
    except ValueError:  # no ASCII, no UTF-8 behind the percent signs, or too many fields
        return {}
    return dict(pairs)
