"""What callers may ask of the catalogue's lists, and how that becomes a selection and a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
from msgspec import Meta

from sadd.catalogue.search import QUERY_LENGTH_MAX
from sadd.catalogue.selection import AUDIENCES, STATUSES, Selection, UnknownChoice
from sadd.web.paging import LIMIT_DEFAULT, LIMIT_MAX, Listing
from sadd.web.problem import invalid_request

Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="Entries a page.")]
Cursor = Annotated[str | None, Meta(description="`next_cursor` of the page before.")]


class ServiceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters hold together: a service meets all of them."""

    q: Annotated[
        str,
        Meta(
            max_length=QUERY_LENGTH_MAX,
            description="Words in Arabic or English, unfinished or misspelt. Best fits come first.",
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


class AgencyQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Limit = LIMIT_DEFAULT
    cursor: Cursor = None


class AppQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    agency: Annotated[str | None, Meta(description="Id of an agency.")] = None
    limit: Limit = LIMIT_DEFAULT
    cursor: Cursor = None


def listing(query: ServiceQuery | AgencyQuery | AppQuery) -> Listing:
    """How the list is cut into pages. What is asked for, without that, is what a cursor belongs to."""
    fields = msgspec.structs.asdict(query)
    limit, cursor = fields.pop("limit"), fields.pop("cursor")
    return Listing(fields, limit, cursor)


def selection(query: ServiceQuery) -> Selection:
    return Selection(query.agency, query.category, query.audience, query.status, query.new)


@contextmanager
def refusing() -> Iterator[None]:
    """Turns a choice that there is not into a problem that names the parameter."""
    try:
        yield
    except UnknownChoice as error:
        errors = [{"parameter": error.field, "detail": str(error)}]
        raise invalid_request(str(error), status=400, errors=errors) from None
