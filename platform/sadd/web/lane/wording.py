"""An answer as bytes: the very fields that aiohttp's path sends, written at once."""

import time
from collections.abc import Mapping
from http import HTTPStatus
from wsgiref.handlers import format_date_time

from aiohttp import hdrs
from multidict import CIMultiDict

from sadd.web.answer import PROBLEM_JSON, problem_body, stamp
from sadd.web.problem import Problem

CLOSE = b"Connection: close\r\n"


def answer_head(media_type: str | None, cache_control: str | None) -> bytes:
    """All of a 200 but what changes: fields, request id, length, date. Formatted with ``%``."""
    return b"HTTP/1.1 200 OK\r\n" + _head(media_type, cache_control)


def _head(media_type: str | None, cache_control: str | None) -> bytes:
    """What follows the status line."""
    headers = CIMultiDict({hdrs.CONTENT_TYPE: media_type or "", hdrs.CACHE_CONTROL: cache_control or ""})
    stamp(headers, "")
    fixed = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    assert "%" not in fixed
    return fixed.encode() + b"%bX-Request-Id: %b\r\nContent-Length: %d\r\n%b\r\n%b"


_PROBLEM_HEAD = b"HTTP/1.1 %d %b\r\n" + _head(PROBLEM_JSON, "no-store")
_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}


def header_lines(fields: Mapping[str, str]) -> str:
    """ValueError: a value would be read as more than one line, or as none."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields.items()])
    if not lines.replace("\r\n", "").isprintable() or lines.count("\n") != len(fields):
        raise ValueError("a header field has a control character in it")
    return lines


def problem_bytes(problem: Problem, request_id: str, more: bytes) -> bytes:
    """A whole answer that is a problem; ``more`` are header lines too. ValueError: as ``header_lines``."""
    assert hdrs.CACHE_CONTROL not in problem.headers, "nobody may keep a problem"
    status, lines = problem.status, header_lines(problem.headers).encode()
    body = problem_body(problem, request_id)
    return _PROBLEM_HEAD % (status, _PHRASES[status], lines, request_id.encode(), len(body), more, body)


class Dates:
    """The ``Date`` line, and until when it is right, in seconds of a clock that only goes forward."""

    __slots__ = ("line", "until")

    def __init__(self) -> None:
        self.line = b""
        self.until = 0.0

    def renewed(self, now: float) -> bytes:
        """The line of this second."""
        wall = time.time()
        self.line = f"Date: {format_date_time(wall)}\r\n".encode()
        self.until = now + 1 - wall % 1
        return self.line
