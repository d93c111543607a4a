"""Chooses services by what is asked of them: agency, category, audience, status, and since when."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import get_args

from sadd.catalogue.model import Audience, Catalogue, Service, Status
from sadd.catalogue.shape import nearest

AUDIENCES: tuple[str, ...] = get_args(Audience)
STATUSES: tuple[str, ...] = (*get_args(Status), "any")
CATEGORIES_NAMED = 60
"""An unknown category is answered with all of them, up to this many."""
NEW_DAYS_MAX = 3650


class UnknownChoice(ValueError):
    """Asked for what there is not. ``field`` is the field of the ``Selection``."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Selection:
    """What a service must be; all that is given holds together, None is no condition."""

    agency: str | None = None
    category: str | None = None
    audience: str | None = None
    status: str | None = None
    """Without it all but the retired, ``any`` is all."""
    new: str | None = None
    """A number of days back from today, or a date since which, up to today."""

    def test(self, catalogue: Catalogue, today: date) -> Callable[[Service], bool]:
        """The test that a service of ``catalogue`` must pass. UnknownChoice: see there."""
        require("agency", self.agency, catalogue.agencies)
        require("audience", self.audience, AUDIENCES)
        require("status", self.status, STATUSES)
        if self.category is not None:
            categories = {service.category for service in catalogue.services.values()}
            require("category", self.category, categories, few=CATEGORIES_NAMED)
        since, until = _span(self.new, today)

        def passes(service: Service) -> bool:
            return (
                status_fits(service.status, self.status)
                and (self.agency is None or service.agency == self.agency)
                and (self.category is None or service.category == self.category)
                and (self.audience is None or self.audience in service.audience)
                and (since is None or since <= service.since <= until)
            )

        return passes


def status_fits(status: str, wanted: str | None) -> bool:
    if wanted is None:
        return status != "retired"
    return wanted in ("any", status)


def require(field: str, value: str | None, values: Collection[str], few: int = 12) -> None:
    """UnknownChoice unless there is such a value. It names the nearest, or all of a few."""
    if value is not None and value not in values:
        raise UnknownChoice(field, f"no {field} {value!r}{nearest(value, values, few)}")


def _span(new: str | None, today: date) -> tuple[str | None, str]:
    """First and last day, as ISO dates, whose order is that of their letters."""
    if new is None:
        return None, ""
    if new.isascii() and new.isdigit() and len(new) <= 4 and 1 <= int(new) <= NEW_DAYS_MAX:
        return (today - timedelta(days=int(new))).isoformat(), today.isoformat()
    try:
        return date.fromisoformat(new).isoformat(), today.isoformat()
    except ValueError:
        message = f"{new!r} is neither a number of days (1 to {NEW_DAYS_MAX}) nor a date (YYYY-MM-DD)"
        raise UnknownChoice("new", message) from None
