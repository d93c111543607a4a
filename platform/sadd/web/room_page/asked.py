"""What a browser asks of the page: its form, its cookies, and whether it is this page that sent it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from aiohttp import hdrs, web
from multidict import CIMultiDict

from sadd.web.problem import invalid_request

FORM_BYTES_MAX = 8_192
FIELDS_MAX = 12
TICKET_CHARACTERS_MAX = 1_000
MARKER = "sadd_keeps"
"""A cookie without a meaning but that it came back: this browser keeps cookies."""

_ONCE = re.compile(r"[A-Za-z0-9_-]{22}")
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a button's form; empty ones are as if they were not there."""

    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def word(self) -> str:
        return self.fields.get("do", "check")

    @property
    def ticket(self) -> str:
        """Of a browser that keeps no cookies."""
        return self.fields.get("ticket", "")[:TICKET_CHARACTERS_MAX]

    @property
    def once(self) -> str:
        """Makes a repeated join the same join; empty for what no page of ours made."""
        once = self.fields.get("once", "")
        return once if _ONCE.fullmatch(once) else ""


def form_of(request: web.Request, body: bytes) -> Form:
    """Problem: no form, or one that cannot be read."""
    if request.content_type != _FORM:
        raise invalid_request(f"Send a form: Content-Type: {_FORM}.", status=415)
    try:
        pairs = parse_qsl(body.decode("ascii"), max_num_fields=FIELDS_MAX, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise invalid_request("The form cannot be read.", status=400) from None
    return Form(dict(pairs))


def is_ours(request: web.Request) -> bool:
    """Whether a form was sent by a page of this host, as far as the browser says.

    Whoever says nothing is no browser of the last five years; in a form of another site its cookies stay at
    home, since they are SameSite.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is None or urlsplit(origin).netloc == request.host


def headers_with(request: web.Request, work: str) -> CIMultiDict[str]:
    """The request's fields, with the answer to a challenge where an app would have put it."""
    fields = CIMultiDict(request.headers)
    if work:
        fields["Sadd-Work"] = work
    return fields
