"""The answer to a request from what is kept: whole, a part, or that nothing changed."""

from dataclasses import dataclass

from cache.rfc9111.conditions import is_unmodified, range_applies
from cache.rfc9111.fields import Fields, first, without
from cache.rfc9111.message import Request
from cache.rfc9111.ranges import Span, content_range, multipart, spans
from cache.rfc9111.stored import Stored

INTERNAL = (b"surrogate-key",)
"""Between the origin and us: names of things inside, of no use to a client."""
NOT_IN_304 = (
    *(b"content-type", b"content-encoding", b"content-language", b"content-range"),
    *(b"content-digest", b"content-md5", b"repr-digest"),
)
"""Of the content, which the client has (RFC 9110, section 15.4.5)."""
OF_THE_WHOLE = (b"content-digest", b"content-md5")
"""True of all bytes alone. ``Repr-Digest`` is of the representation and stays (RFC 9530, section 3)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``length`` is that of its Content-Length, which is not among the fields; None for 304."""

    status: int
    fields: Fields
    body: bytes
    length: int | None


def answer(request: Request, stored: Stored, body: bytes, now_ms: int, more: Fields = ()) -> Answer:
    """In the order of RFC 9110, section 13.2.2. ``body`` is the whole; ``more`` are fields of the answer too.

    A stored answer other than 200 has no conditions and no parts (RFC 9110, section 13.2.1). The fields of
    a 206 are all those of the 200, also where ``If-Range`` would let some be left out.
    """
    fields = (*shown(stored.fields), (b"age", b"%d" % (stored.age_ms(now_ms) // 1000)), *more)
    if stored.status != 200:
        return _whole(request, stored.status, fields, body)
    if is_unmodified(request.fields, stored, now_ms):
        return Answer(304, without(fields, *NOT_IN_304), b"", None)
    wanted = first(request.fields, b"range") if request.method == b"GET" else None
    if wanted is None or not range_applies(request.fields, stored, now_ms):
        return _whole(request, 200, _with_ranges(fields), body)
    parts = spans(wanted, len(body))
    if parts is None:
        return _whole(request, 200, _with_ranges(fields), body)
    return _parts(parts, fields, body) if parts else _unsatisfiable(fields, len(body))


def shown(fields: Fields) -> Fields:
    """What a client may see of an origin's fields."""
    return without(fields, *INTERNAL)


def _whole(request: Request, status: int, fields: Fields, body: bytes) -> Answer:
    return Answer(status, fields, b"" if request.method == b"HEAD" else body, len(body))


def _parts(parts: tuple[Span, ...], fields: Fields, body: bytes) -> Answer:
    fields = without(fields, *OF_THE_WHOLE)
    if len(parts) == 1:
        piece = body[parts[0][0] : parts[0][1]]
        return Answer(
            206, (*fields, (b"content-range", content_range(parts[0], len(body)))), piece, len(piece)
        )
    content_type, pieces = multipart(parts, body, first(fields, b"content-type"))
    fields = (*without(fields, b"content-type"), (b"content-type", content_type))
    return Answer(206, fields, pieces, len(pieces))


def _unsatisfiable(fields: Fields, length: int) -> Answer:
    """RFC 9110, section 15.5.17: it says how long the whole is."""
    kept = tuple(
        field for field in fields if field[0] in (b"date", b"age", b"etag", b"vary", b"cache-status")
    )
    return Answer(416, (*kept, (b"content-range", b"bytes */%d" % length)), b"", 0)


def _with_ranges(fields: Fields) -> Fields:
    return fields if first(fields, b"accept-ranges") is not None else (*fields, (b"accept-ranges", b"bytes"))
