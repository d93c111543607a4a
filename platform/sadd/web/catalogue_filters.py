"""Which services a caller asks for: the query's parameters, checked against what there is, as a test of a service."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from sadd.catalogue.model import Audience, Catalogue, Service, Status
from sadd.catalogue.search import QUERY_LENGTH_MAX
from sadd.catalogue.shape import nearest
from sadd.web.paging import LIMIT_DEFAULT, LIMIT_MAX
from sadd.web.problem import Problem, invalid_request

AUDIENCES: tuple[str, ...] = get_args(Audience)
STATUSES: tuple[str, ...] = (*get_args(Status), "any")
CATEGORIES_NAMED = 60
"""An unknown category is answered with all of them up to this many."""
NEW_DAYS_MAX = 3650

Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="Entries a page.")]
Cursor = Annotated[str | None, Meta(description="`next_cursor` of the page before.")]


class ServiceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters hold together: a service meets all of them."""

    q: Annotated[
        str,
        Meta(
            max_length=QUERY_LENGTH_MAX,
            description="Words to look for, Arabic or English, unfinished or misspelt. The best fits come first.",
        ),
    ] = ""
    agency: Annotated[str | None, Meta(description="Id of an agency.")] = None
    category: Annotated[str | None, Meta(description="Id of a category.")] = None
    audience: Annotated[str | None, Meta(extra_json_schema={"enum": list(AUDIENCES)})] = None
    status: Annotated[
        str | None,
        Meta(
            description="Without it, all but the retired; `any` is all.",
            extra_json_schema={"enum": list(STATUSES)},
        ),
    ] = None
    new: Annotated[
        str | None,
        Meta(description="Only what is new: a number of days back from today, or a date (YYYY-MM-DD) since."),
    ] = None
    limit: Limit = LIMIT_DEFAULT
    cursor: Cursor = None


def asked(query: msgspec.Struct) -> Mapping[str, Any]:
    """The filters of a query, without how it is cut into pages."""
    fields = msgspec.structs.asdict(query)
    return {name: value for name, value in fields.items() if name not in ("limit", "cursor")}


def accepts(query: ServiceQuery, catalogue: Catalogue, today: date) -> Callable[[Service], bool]:
    """The test that a service must pass. Problem: a filter names what there is not."""
    known("agency", query.agency, catalogue.agencies)
    known("audience", query.audience, AUDIENCES)
    known("status", query.status, STATUSES)
    if query.category is not None:
        categories = {service.category for service in catalogue.services.values()}
        known("category", query.category, categories, few=CATEGORIES_NAMED)
    since, until = _span(query.new, today)

    def meets(service: Service) -> bool:
        return (
            _status_fits(service, query.status)
            and (query.agency is None or service.agency == query.agency)
            and (query.category is None or service.category == query.category)
            and (query.audience is None or query.audience in service.audience)
            and (since is None or since <= service.since <= until)
        )

    return meets


def _status_fits(service: Service, wanted: str | None) -> bool:
    if wanted is None:
        return service.status != "retired"
    return wanted in ("any", service.status)


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
        raise _refused("new", message) from None


def known(parameter: str, value: str | None, values: Collection[str], few: int = 12) -> None:
    """Problem: the parameter has a value that does not exist. It names the nearest, or all if they are few."""
    if value is not None and value not in values:
        raise _refused(parameter, f"no {parameter} {value!r}{nearest(value, values, few)}")


def _refused(parameter: str, what: str) -> Problem:
    return invalid_request(what, status=400, errors=[{"parameter": parameter, "detail": what}])
