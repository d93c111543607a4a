"""Answers: JSON, problems, and the headers that every answer carries."""

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import hdrs, web
from multidict import CIMultiDict, istr

from sadd.web.problem import TYPE_BASE, Problem

PROBLEM_JSON = "application/problem+json"

_X_REQUEST_ID = istr("X-Request-Id")
_NOSNIFF = istr("X-Content-Type-Options")
_POLICY = istr("Content-Security-Policy")

encode_json = msgspec.json.Encoder().encode
"""The bytes of anything that msgspec encodes, as all our answers have it."""


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer of anything that msgspec encodes: structs, dataclasses, mappings, sequences.

    The value must be at rest: it is encoded here and now.
    """
    fields = CIMultiDict(headers) if headers else CIMultiDict()
    fields[hdrs.CONTENT_TYPE] = "application/json"
    return web.Response(body=encode_json(value), status=status, headers=fields)


def problem_answer(problem: Problem, request_id: str) -> web.Response:
    """RFC 9457 problem details; the request id lets its reader find our log lines."""
    fields = CIMultiDict(problem.headers)
    fields[hdrs.CONTENT_TYPE] = PROBLEM_JSON
    return web.Response(body=problem_body(problem, request_id), status=problem.status, headers=fields)


def problem_body(problem: Problem, request_id: str) -> bytes:
    members: dict[str, Any] = {
        "type": TYPE_BASE + problem.slug,
        "title": problem.title,
        "status": problem.status,
    }
    if problem.detail:
        members["detail"] = problem.detail
    members |= problem.extra
    members["request_id"] = request_id
    return encode_json(members)


def stamp(headers: CIMultiDict[str], request_id: str) -> None:
    """Add what every answer carries, except where the handler said otherwise.

    ``no-store`` is the default because most answers are about one caller; what may be cached says
    so itself. The policy forbids everything to a browser that takes JSON for a page.
    """
    headers[_X_REQUEST_ID] = request_id
    headers[hdrs.SERVER] = "sadd"  # aiohttp's own value names versions
    headers[_NOSNIFF] = "nosniff"
    headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    headers.setdefault(_POLICY, "default-src 'none'; frame-ancestors 'none'")
