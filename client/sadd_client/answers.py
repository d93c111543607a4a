"""What the bytes of an answer mean. Unknown members are let be: a newer platform may say more."""

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from sadd_client.decision import Decision
from sadd_client.errors import PlatformAway, Problem, ProblemDetails, problem_of
from sadd_client.wire import Answer

RETRY_AFTER_SECONDS_MAX = 60.0
"""Longer waits that an answer asks for are cut to this: it may have been a proxy's guess."""

NAME_LENGTH_MAX = 10_000
"""A lease's id names the policies and the key that it is of; it goes into a path."""


def members(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer. PlatformAway if it is none."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise _senseless(answer) from None
    if not isinstance(found, dict):
        raise _senseless(answer)
    return found


def decision_of(answer: Answer) -> Decision:
    return _decision(members(answer), answer)


def decisions_of(answer: Answer, count: int) -> list[Decision]:
    """The decisions of a batch. They have no fields: those would be of one of many."""
    results = members(answer).get("results")
    if not isinstance(results, list) or len(results) != count:
        raise _senseless(answer)
    plain = Answer(answer.status, {}, answer.body)
    return [_decision(found, plain) for found in results]


def problem_in(answer: Answer) -> Problem | None:
    """The problem of a 4xx with problem details; None for an answer that is not of this platform's making."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    found = members(answer)
    return problem_of(
        ProblemDetails(
            status=answer.status,
            slug=str(found.get("type", "")).rpartition("/")[2],
            title=str(found.get("title", "")),
            detail=str(found.get("detail", "")),
            request_id=str(found.get("request_id", "")),
            errors=_objects(found.get("errors")),
        )
    )


def retry_after_seconds(answer: Answer) -> float | None:
    """``Retry-After`` in seconds, of either form. A date counts from the answer's own, not from our clock."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isdecimal() and value.isascii():
        return min(float(value), RETRY_AFTER_SECONDS_MAX)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError):  # no date at all, or one with a zone and one without
        return None
    return min(max(0.0, wait.total_seconds()), RETRY_AFTER_SECONDS_MAX)


def integer(found: Mapping[str, Any], member: str, answer: Answer) -> int:
    """A count among the members. PlatformAway if it is none."""
    value = found.get(member)
    if type(value) is not int or value < 0:  # True is an int too
        raise _senseless(answer)
    return value


def name(found: Mapping[str, Any], member: str, answer: Answer) -> str:
    """A name of the platform's making, to be said again. PlatformAway if it is none."""
    value = found.get(member)
    if not isinstance(value, str) or not 0 < len(value) <= NAME_LENGTH_MAX:
        raise _senseless(answer)
    return value


def _decision(found: Any, answer: Answer) -> Decision:
    if not isinstance(found, dict) or type(found.get("allowed")) is not bool:
        raise _senseless(answer)
    retry = integer(found, "retry_after_ms", answer) if found.get("retry_after_ms") is not None else None
    return Decision(
        allowed=found["allowed"],
        policy=_text(found.get("policy")) or "",
        limit=integer(found, "limit", answer),
        remaining=integer(found, "remaining", answer),
        reset_after_ms=integer(found, "reset_after_ms", answer),
        retry_after_ms=retry,
        fallback=_text(found.get("fallback")),
        rule=_text(found.get("rule")),
        violated_policies=_texts(found.get("violated_policies")),
        rate_limit=answer.headers.get("ratelimit"),
        rate_limit_policy=answer.headers.get("ratelimit-policy"),
    )


def _objects(found: object) -> tuple[Mapping[str, Any], ...]:
    return tuple(one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def _text(found: object) -> str | None:
    return found if isinstance(found, str) else None


def _texts(found: object) -> tuple[str, ...]:
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def _senseless(answer: Answer) -> PlatformAway:
    return PlatformAway(f"the answer ({answer.status}) is not what a Sadd says", sent=True)
