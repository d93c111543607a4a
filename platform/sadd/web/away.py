"""The answer of a service that cannot do without its store."""

from sadd.web.problem import Problem

RETRY_AFTER_SECONDS = 1
"""The store's client knows within a second that the store is back."""


def store_away(detail: str) -> Problem:
    return Problem(
        503,
        "store-unavailable",
        "The platform's store is away.",
        detail,
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )
