"""HTTP dates, in their three forms and no other (RFC 9110, section 5.6.7)."""

import re
from calendar import timegm
from datetime import datetime
from email.utils import formatdate

_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1
    )
}
_CLOCK = rb"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_DAY, _MONTH = rb"(?P<day>\d\d)", rb"(?P<month>[A-Z][a-z]{2})"
_IMF = re.compile(rb"[A-Z][a-z]{2}, %b %b (?P<year>\d{4}) %b GMT" % (_DAY, _MONTH, _CLOCK))
_RFC850 = re.compile(rb"[A-Z][a-z]{5,8}, %b-%b-(?P<year>\d\d) %b GMT" % (_DAY, _MONTH, _CLOCK))
_ASCTIME = re.compile(rb"[A-Z][a-z]{2} %b (?P<day>[ \d]\d) %b (?P<year>\d{4})" % (_MONTH, _CLOCK))


def date_ms(value: bytes, now_ms: int) -> int | None:
    """Milliseconds since the epoch; None for what is no date. ``now_ms`` places years of two digits."""
    found = _IMF.fullmatch(value) or _RFC850.fullmatch(value) or _ASCTIME.fullmatch(value)
    month = _MONTHS.get(found["month"]) if found else None
    if found is None or month is None:
        return None
    year = int(found["year"])
    if len(found["year"]) == 2:
        year = _century(year, now_ms)
    day, hour, minute = int(found["day"]), int(found["hour"]), int(found["minute"])
    try:
        moment = datetime(year, month, day, hour, minute, min(int(found["second"]), 59))  # a leap second
    except ValueError:
        return None
    return timegm(moment.timetuple()) * 1000


def date_text(moment_ms: int) -> bytes:
    return formatdate(moment_ms / 1000, usegmt=True).encode()


def _century(year: int, now_ms: int) -> int:
    """What would be more than 50 years ahead is past (RFC 9110, section 5.6.7)."""
    this = 1970 + now_ms // 31_556_952_000
    year += this - this % 100
    return year - 100 if year > this + 50 else year
