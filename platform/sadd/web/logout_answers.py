"""What the endpoints of logouts share: whose they are, and what is wrong."""

import contextlib
from collections.abc import Iterator

from sadd.logout.database import DatabaseAway
from sadd.web.away import store_away
from sadd.web.endpoint import Call
from sadd.web.problem import Problem, invalid_request

TAG = "logout"
SCOPE = "sessions:admin"


def whose_of(call: Call, authority: str) -> str | None:
    """The agency whose entries a call may see and change; None is everybody's."""
    return None if authority and call.agency == authority else call.agency


def actor_of(call: Call) -> str:
    assert call.caller is not None, "the scope has been asked for"
    return call.caller.prefix


def url_refused(field: str, what: str) -> Problem:
    return invalid_request(f"{what} at #/{field}", errors=[{"pointer": f"#/{field}", "detail": what}])


@contextlib.contextmanager
def database() -> Iterator[None]:
    try:
        yield
    except DatabaseAway:
        raise store_away("This cannot be changed or listed meanwhile.") from None
