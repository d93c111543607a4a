"""What a refused caller is told, whatever the framework.

429 with the platform's ``quota-exceeded``, as its gate says it, when a limit refused; 503 when nobody could
decide and ``on_loss`` is ``closed``: that is not the caller's doing.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from sadd_client.decision import Decision
from sadd_client.door import Shown
from sadd_client.errors import PlatformAway

QUOTA_EXCEEDED = "https://sadd.example/problems/quota-exceeded"


@dataclass(frozen=True, slots=True)
class Refusal:
    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes


def refusal_of(decision: Decision) -> Refusal | None:
    """None for who may proceed."""
    if decision.allowed:
        return None
    status, members = _problem(decision)
    body = json.dumps({**members, "status": status.value}).encode()
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
    }
    if decision.retry_after_ms is not None:
        headers["Retry-After"] = str(-(-decision.retry_after_ms // 1000))  # rounded up: not to come early
    if decision.rate_limit_policy is not None:
        headers["RateLimit-Policy"] = decision.rate_limit_policy
    if decision.rate_limit is not None:
        headers["RateLimit"] = decision.rate_limit
    return Refusal(status, headers, body)


def shown_refusal(shown: Shown) -> Refusal:
    """What the door of a waiting room says to who is not let in."""
    return Refusal(HTTPStatus(shown.status), shown.headers or {}, shown.body)


def away_refusal(away: PlatformAway) -> Refusal:
    """Nobody can say whether a session lives. No word about the cookie, so the browser keeps it."""
    members = {"type": "about:blank", "title": "Service Unavailable", "status": 503}
    body = json.dumps(members).encode()
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Retry-After": str(max(1, math.ceil(away.retry_after_seconds or 1))),
    }
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, headers, body)


def _problem(decision: Decision) -> tuple[HTTPStatus, dict[str, object]]:
    if decision.decided_by == "closed":
        return HTTPStatus.SERVICE_UNAVAILABLE, {"type": "about:blank", "title": "Service Unavailable"}
    return HTTPStatus.TOO_MANY_REQUESTS, {
        "type": QUOTA_EXCEEDED,
        "title": "The quota is used up.",
        "violated-policies": list(decision.violated_policies) or [decision.policy],
    }
