"""Parts of a whole answer (RFC 9110, section 14)."""

import re
from hashlib import blake2b
from itertools import pairwise

RANGES_MAX = 16
"""More at once are ignored, as section 14.2 lets a server do: they cost more than the whole."""
_RANGE = re.compile(rb"(\d{0,18})-(\d{0,18})")

Span = tuple[int, int]
"""First byte, and the one after the last."""


def spans(value: bytes, length: int) -> tuple[Span, ...] | None:
    """What a Range asks for of ``length`` bytes, in its order; if some overlap, joined and in rising order.

    None: the field is to be ignored (another unit, malformed, too many). (): nothing of it is there (416).
    """
    unit, sign, rest = value.partition(b"=")
    texts = [text.strip(b" \t") for text in rest.split(b",") if text.strip(b" \t")]
    if unit.strip().lower() != b"bytes" or not sign or not 0 < len(texts) <= RANGES_MAX:
        return None
    found = []
    for text in texts:
        matched = _RANGE.fullmatch(text)
        if matched is None or not (matched[1] or matched[2]) or _is_backward(matched[1], matched[2]):
            return None
        span = _span(matched[1], matched[2], length)
        if span is not None:
            found.append(span)
    return _apart(found)


def content_range(span: Span, length: int) -> bytes:
    return b"bytes %d-%d/%d" % (span[0], span[1] - 1, length)


def multipart(parts: tuple[Span, ...], body: bytes, content_type: bytes | None) -> tuple[bytes, bytes]:
    """Content-Type and body of several parts (section 14.6)."""
    boundary = _boundary(body, parts)
    kind = b"content-type: %b\r\n" % content_type if content_type else b""
    pieces = []
    for span in parts:
        pieces.append(
            b"--%b\r\n%bcontent-range: %b\r\n\r\n" % (boundary, kind, content_range(span, len(body)))
        )
        pieces.append(body[span[0] : span[1]])
        pieces.append(b"\r\n")
    pieces.append(b"--%b--\r\n" % boundary)
    return b"multipart/byteranges; boundary=" + boundary, b"".join(pieces)


def _span(begin: bytes, last: bytes, length: int) -> Span | None:
    if not begin:
        size = min(int(last), length)
        return (length - size, length) if size else None
    first = int(begin)
    end = min(int(last) + 1, length) if last else length
    return (first, end) if first < length else None


def _is_backward(begin: bytes, last: bytes) -> bool:
    return bool(begin and last) and int(last) < int(begin)


def _apart(found: list[Span]) -> tuple[Span, ...]:
    ordered = sorted(found)
    if all(one[1] <= other[0] for one, other in pairwise(ordered)):
        return tuple(found)
    joined = [ordered[0]]
    for span in ordered[1:]:
        if span[0] <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], span[1]))
        else:
            joined.append(span)
    return tuple(joined)


def _boundary(body: bytes, parts: tuple[Span, ...]) -> bytes:
    """A line that is not in the body: whoever wrote it cannot know its own digest and hold it too."""
    digest = blake2b(body, digest_size=16, person=b"sadd byteranges")
    digest.update(repr(parts).encode())
    return digest.hexdigest().encode()
