"""What the shield says itself: a problem to programs, a plain page in both languages to browsers."""

import time
from html import escape
from wsgiref.handlers import format_date_time

from sadd.gate.visitor import kind_of
from sadd.shield.fields import Multi
from sadd.shield.head import Fields, Head
from sadd.shield.hops import lines
from sadd.shield.phrases import status_line
from sadd.telemetry.context import new_request_id
from sadd.web.answer import PROBLEM_JSON, problem_body
from sadd.web.problem import Problem

_ARABIC = {
    "origin-busy": "الخدمة مشغولة الآن. حاول بعد قليل.",
    "origin-away": "الخدمة لا تستجيب الآن. حاول بعد قليل.",
    "origin-late": "لم تستجب الخدمة في الوقت المحدد.",
    "origin-malformed": "تعذرت قراءة رد الخدمة.",
    "origin-unreachable": "تعذر الوصول إلى الخدمة.",
    "quota-exceeded": "أرسلت طلبات كثيرة. حاول بعد قليل.",
    "store-unavailable": "الخدمة غير متاحة مؤقتا. حاول بعد قليل.",
    "waiting-room": "توجد غرفة انتظار أمام هذه الخدمة.",
    "misdirected-request": "لا توجد خدمة بهذا الاسم هنا.",
}
_ARABIC_REST = "تعذر تنفيذ هذا الطلب."
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head><body>
<main><h1>{title}</h1><p>{detail}</p>
<section lang="ar" dir="rtl"><h1>{arabic}</h1></section>
<p><small>{status} · {request_id}</small></p></main></body></html>
"""
_GUARDED: Fields = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


def told(problem: Problem, head: Head | None, more: Fields = ()) -> tuple[int, Fields, bytes]:
    """Status, fields and body. ``more`` are fields of the answer too."""
    request_id = new_request_id()
    is_page = head is not None and kind_of(Multi(head.fields)) == "page"
    body = _page(problem, request_id) if is_page else problem_body(problem, request_id)
    media_type = "text/html; charset=utf-8" if is_page else PROBLEM_JSON
    own = tuple(
        (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in problem.headers.items()
    )
    own = tuple(field for field in own if field[0] != b"x-sadd-subject")
    fixed = (
        (b"content-type", media_type.encode()),
        (b"date", format_date_time(time.time()).encode()),
        (b"x-request-id", request_id.encode()),
    )
    return problem.status, (*fixed, *_GUARDED, *own, *more), body


def last_words(problem: Problem, head: Head | None, more: Fields = ()) -> bytes:
    """A whole answer as bytes, after which the connection ends."""
    status, fields, body = told(problem, head, more)
    framing = b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body)
    return status_line(status) + lines(fields) + framing + body


def _page(problem: Problem, request_id: str) -> bytes:
    arabic = _ARABIC.get(problem.slug, _ARABIC_REST)
    text = _PAGE.format(
        title=escape(problem.title),
        detail=escape(problem.detail),
        arabic=arabic,
        status=problem.status,
        request_id=request_id,
    )
    return text.encode()
