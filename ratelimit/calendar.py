"""Where a calendar's days, weeks, months and years begin, in seconds since 1970."""

from datetime import date, datetime, timedelta
from typing import TypeAlias, get_args
from zoneinfo import ZoneInfo

from ratelimit.algorithm import Calendar, Unit, Weekday

Bounds: TypeAlias = tuple[int, int, int]
"""The start of the window that holds a moment, its end, and the end of the next."""

WEEKDAYS = get_args(Weekday)


def bounds(calendar: Calendar, now_seconds: float) -> Bounds:
    """The windows around ``now_seconds``, as long as the zone's clock makes them: 23 hours, 31 days."""
    zone = ZoneInfo(calendar.zone)
    today = datetime.fromtimestamp(now_seconds, zone).date()
    start = _first(calendar, today)
    end = _next(calendar.unit, start)
    return _seconds(start, zone), _seconds(end, zone), _seconds(_next(calendar.unit, end), zone)


def _first(calendar: Calendar, day: date) -> date:
    match calendar.unit:
        case "day":
            return day
        case "week":
            return day - timedelta(days=(day.weekday() - WEEKDAYS.index(calendar.week_begins)) % 7)
        case "month":
            return day.replace(day=1)
        case "year":
            return day.replace(month=1, day=1)


def _next(unit: Unit, first: date) -> date:
    match unit:
        case "day":
            return first + timedelta(days=1)
        case "week":
            return first + timedelta(days=7)
        case "month":
            return (first + timedelta(days=31)).replace(day=1)
        case "year":
            return first.replace(year=first.year + 1)


def _seconds(day: date, zone: ZoneInfo) -> int:
    """Midnight of the zone, or the moment at which a change of the clocks skips it."""
    return -int(-datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() // 1)
