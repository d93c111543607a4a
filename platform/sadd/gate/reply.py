"""What the gate says to a proxy, in the form that the proxy can use. Pure: an answer in, a reply out.

Every reply names the subject, if only as nobody (an empty field): a proxy copies that over whatever the
visitor sent by that name, and knows by it that the gate itself has spoken and not something on the way.
"""

from urllib.parse import quote

import msgspec

from sadd.gate.original import Contradiction, Headers
from sadd.limits.answer import Answer
from sadd.limits.fields import fields
from sadd.web.away import store_away
from sadd.web.problem import Problem

SUBJECT = "X-Sadd-Subject"
ACCEL = "X-Accel"
"""``1`` from an nginx that wants to be told by ``X-Accel-Redirect`` where the request goes on."""
ACCEL_REDIRECT, ACCEL_LOCATION = "X-Accel-Redirect", "@origin"
REFUSAL = "X-Sadd-Refusal"
"""The one status that a proxy can pass on: nginx's auth_request by itself 403, Envoy's ext_authz no 5xx."""
REFUSALS = {"403": 403, "429": 429}

_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


class Reply(msgspec.Struct, frozen=True):
    """A status with its fields; ``problem`` is the body of a refusal, None when the request may go on."""

    status: int
    fields: dict[str, str]
    problem: Problem | None = None


def reply_to(answer: Answer, subject: str, headers: Headers) -> Reply:
    """The reply that an answer of the desk means."""
    if not answer.allowed:
        return refusal(_problem(answer), headers)
    told = {SUBJECT: plain(subject), **fields(answer)}
    if headers.get(ACCEL) == "1":
        told[ACCEL_REDIRECT] = ACCEL_LOCATION
    return Reply(200, told)


def refusal(problem: Problem, headers: Headers) -> Reply:
    """A refusal with its problem, under the status that the proxy wants to hear.

    Who passes on 429 passes on a redirect too; only 403 is for proxies that know no other.
    """
    wanted = REFUSALS.get(headers.get(REFUSAL) or "", problem.status)
    problem.status = problem.status if (problem.status, wanted) == (302, 429) else wanted
    problem.headers[SUBJECT] = ""
    return Reply(problem.status, problem.headers, problem)


def misuse(problem: Problem) -> Reply:
    """What is wrong with the call itself: its status is for whoever sets up the proxy."""
    problem.headers[SUBJECT] = ""
    return Reply(problem.status, problem.headers, problem)


def plain(subject: str) -> str:
    """The subject as a header field can carry it: what is not printable ASCII, and %, percent-encoded."""
    if subject.isascii() and subject.isprintable() and "%" not in subject:
        return subject
    return quote(subject, safe=_PLAIN)


def session_away() -> Problem:
    """Nobody is taken for anonymous because we could not look."""
    return store_away("Nobody knows whether the session lives. Keep it and try again.")


def foreign_proxy(peer: str) -> Problem:
    detail = f"{peer or 'Who asks'} is in none of the ranges of gate.trusted_proxies."
    return Problem(403, "foreign-proxy", "Only proxies of the platform may ask the gate.", detail)


def no_such_service(service: str) -> Problem:
    return Problem(404, "unknown-service", "There is no such service.", f"There is no service {service!r}.")


def contradiction(told: Contradiction) -> Problem:
    detail = f"{' and '.join(told.fields)} tell different things of the request."
    return Problem(400, "contradictory-request", "It is not clear what was asked.", detail)


def _problem(answer: Answer) -> Problem:
    found = fields(answer)
    if answer.decision.fallback == "closed":
        problem = store_away("This service takes no requests meanwhile.")
        problem.headers.update(found)
        return problem
    return Problem(
        429,
        "quota-exceeded",
        "The quota is used up.",
        extra={"violated-policies": list(answer.violated)},
        headers=found,
    )
