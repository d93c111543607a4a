"""What a text, a date, an address in the catalogue must look like. Each function yields what is wrong."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import urlsplit

from sadd.catalogue.fault import Finding, Path
from sadd.catalogue.model import Contact, Name

ID_LENGTH_MAX = 80
TEXT_LENGTH_MAX = 200
EMAIL_LENGTH_MAX = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
HOST_LENGTH_MAX = 253  # RFC 1035, section 2.3.4, without the root's dot
EARLIEST = date(1950, 1, 1)
"""No service of a Gulf state's administration is older; an earlier year is a slip of the pen."""
PLANNED_AHEAD = timedelta(days=2 * 366)

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}")
_PHONE = re.compile(r"\+[1-9][0-9 ]*|[1-9][0-9]{2,5}")
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_ROUTE = re.compile(r"(?=/)(/[A-Za-z0-9._~!$&'()+,;=:@-]*)*(/\*)?")
_ARABIC = re.compile(r"[\u0620-\u064a\u066e-\u06d3]")
_LATIN = re.compile(r"[A-Za-z]")


def id_findings(id_: str, path: Path = ("id",)) -> Iterator[Finding]:
    if not _ID.fullmatch(id_):
        yield Finding(path, f"{id_!r} is no id: small letters, digits and single hyphens, a letter first")
    elif len(id_) > ID_LENGTH_MAX:
        yield Finding(path, f"longer than {ID_LENGTH_MAX} characters")


def name_findings(name: Name) -> Iterator[Finding]:
    """Both languages are there, each in its own letters."""
    for path, text in ((("name", "ar"), name.ar), (("name", "en"), name.en)):
        yield from text_findings(text, path)
    if name.ar.strip() and not _ARABIC.search(name.ar):
        yield Finding(("name", "ar"), f"{name.ar!r} has no Arabic letter")
    if name.en.strip() and not _LATIN.search(name.en):
        yield Finding(("name", "en"), f"{name.en!r} has no Latin letter")
    elif _ARABIC.search(name.en):
        yield Finding(("name", "en"), f"{name.en!r} has Arabic letters")


def text_findings(text: str, path: Path) -> Iterator[Finding]:
    if not text.strip():
        yield Finding(path, "empty")
    elif text != text.strip() or "  " in text:
        yield Finding(path, f"{text!r} has spaces at its ends or two in a row")
    elif len(text) > TEXT_LENGTH_MAX:
        yield Finding(path, f"longer than {TEXT_LENGTH_MAX} characters")
    # Cc, Cf: a stray direction mark makes two names that look alike and are not found by search.
    elif odd := next((c for c in text if unicodedata.category(c) in ("Cc", "Cf")), None):
        yield Finding(path, f"has an invisible character, U+{ord(odd):04X}")


def since_findings(since: str, *, begun: bool, today: date) -> Iterator[Finding]:
    """A day that exists, not before ``EARLIEST``, and not in the future if it has ``begun``."""
    try:
        day = date.fromisoformat(since)
    except ValueError:
        yield Finding(("since",), f"{since!r} is no date (YYYY-MM-DD)")
        return
    if since != day.isoformat():
        yield Finding(("since",), f"{since!r} is no date of the form YYYY-MM-DD")
    elif day < EARLIEST:
        yield Finding(("since",), f"{since} is before {EARLIEST}")
    elif day > today + PLANNED_AHEAD:
        yield Finding(("since",), f"{since} is more than two years ahead")
    elif day > today and begun:
        yield Finding(("since",), f"{since} is in the future, and the status is not planned")


def contact_findings(contact: Contact) -> Iterator[Finding]:
    if not _EMAIL.fullmatch(contact.email) or len(contact.email) > EMAIL_LENGTH_MAX:
        yield Finding(("contact", "email"), f"{contact.email!r} is no e-mail address")
    digits = sum(c.isdigit() for c in contact.phone)
    international = contact.phone.startswith("+")
    # E.164 has at most 15 digits; without a plus it is a short number of the state (3 to 6 digits).
    if not _PHONE.fullmatch(contact.phone) or (international and not 8 <= digits <= 15):
        message = f"{contact.phone!r} is no telephone number (+974 4000 1100, or a short number such as 109)"
        yield Finding(("contact", "phone"), message)


def origin_findings(origin: str) -> Iterator[Finding]:
    """An https address with a full host name and nothing else, save perhaps a port."""
    path = ("origin",)
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        yield Finding(path, f"{origin!r} is no address")
        return
    host = parts.netloc.rpartition("@")[2].partition(":")[0]
    if parts.scheme != "https":
        yield Finding(path, f"{origin!r} is not https")
    if "@" in parts.netloc:
        yield Finding(path, "has credentials in it")
    if not _HOST.fullmatch(host) or port == 0:
        yield Finding(path, f"{origin!r} has no full host name in small letters")
    if parts.path or "?" in origin or "#" in origin:
        yield Finding(path, f"{origin!r} has a path of its own; leave everything after the host away")


def host_findings(host: str, path: Path) -> Iterator[Finding]:
    if not _HOST.fullmatch(host) or len(host) > HOST_LENGTH_MAX:
        yield Finding(path, f"{host!r} is no full host name in small letters, without a port")


def route_findings(route: str, path: Path) -> Iterator[Finding]:
    """A path as it comes in a request's first line, or all paths below one."""
    plain = _ROUTE.fullmatch(route) and len(route) <= TEXT_LENGTH_MAX
    if not plain or any(step in (".", "..") for step in route.split("/")):
        yield Finding(
            path, f"{route!r} is no path of plain characters (/results, or /results/* for all below)"
        )
