"""Errors on the wire: RFC 9457 problem details with stable type URIs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

TYPE_BASE = "https://sadd.example/problems/"
"""Prefix of every ``type`` URI. The docs have a page with an anchor for each slug."""


class Problem(Exception):  # it is called what RFC 9457 calls it
    """An answer that is an error. Raise it anywhere below a handler.

    ``slug`` is the stable last part of the type URI (``invalid-request``), ``extra`` are extension
    members (RFC 9457 section 3.2), ``headers`` e.g. ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str = "",
        *,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {slug}: {detail or title}")
        self.status = status
        self.slug = slug
        self.title = title
        self.detail = detail
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


# The problems that HTTP itself makes, whatever the endpoint. Each service's module has its own.


def invalid_request(detail: str, *, status: int = 422, errors: Sequence[Mapping[str, str]] = ()) -> Problem:
    """The request cannot be understood (400) or breaks a rule of its fields (422).

    ``errors`` name the places: ``{"pointer": "#/cost", "detail": …}`` in the body,
    ``{"parameter": "limit", "detail": …}`` in the query.
    """
    extra = {"errors": list(errors)} if errors else {}
    return Problem(status, "invalid-request", "The request is not valid.", detail, extra=extra)


def unauthenticated() -> Problem:
    """No key, an unknown one, a wrong one, a revoked one: the answer does not tell which."""
    return Problem(
        401,
        "unauthenticated",
        "A valid API key is required.",
        "Send 'Authorization: Bearer sadd_…' with a key that is in force.",
        headers={"WWW-Authenticate": 'Bearer realm="sadd"'},
    )


def forbidden(scope: str) -> Problem:
    return Problem(
        403,
        "forbidden",
        "The API key does not allow this.",
        f"This call needs the scope {scope}.",
        extra={"scope": scope},
        headers={"WWW-Authenticate": f'Bearer realm="sadd", error="insufficient_scope", scope="{scope}"'},
    )


def not_found() -> Problem:
    return Problem(404, "not-found", "There is nothing at this path.")


def method_not_allowed(allowed: Iterable[str]) -> Problem:
    methods = ", ".join(sorted(allowed))
    return Problem(
        405,
        "method-not-allowed",
        "This path does not take this method.",
        f"It takes {methods}.",
        headers={"Allow": methods},
    )


def request_timeout() -> Problem:
    return Problem(408, "request-timeout", "The request did not arrive in time.")


def body_too_large(limit_bytes: int) -> Problem:
    return Problem(
        413,
        "body-too-large",
        "The body is too large.",
        f"At most {limit_bytes} bytes are taken.",
        extra={"limit_bytes": limit_bytes},
    )


def unsupported_media_type(detail: str) -> Problem:
    return Problem(415, "unsupported-media-type", "The body has the wrong media type.", detail)


def head_too_large(limit_bytes: int) -> Problem:
    return Problem(
        431,
        "head-too-large",
        "The request line and the headers are too large.",
        f"At most {limit_bytes} bytes are taken.",
        extra={"limit_bytes": limit_bytes},
    )


def malformed_http() -> Problem:
    return Problem(400, "malformed-http", "This is not HTTP/1.1 as we understand it.")


def internal_error() -> Problem:
    return Problem(
        500,
        "internal-error",
        "The platform failed on this request.",
        "The fault is ours and was logged under the request id.",
    )
