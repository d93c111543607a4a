"""What a client gets of what is kept: RFC 9110, sections 13 and 14, over RFC 9111, section 4."""

import pytest

from cache.rfc9111.answering import Answer, answer, shown
from cache.rfc9111.fields import first
from tests.cache.rfc9111.messages import NOW_MS, get, kept, lines

BODY = b"0123456789"
FULL = """
cache-control: max-age=60
etag: "a"
last-modified: Sun, 06 Nov 1994 08:49:37 GMT
content-type: text/plain
content-language: ar
content-location: /a.txt
content-digest: sha-256=:AA==:
repr-digest: sha-256=:AA==:
vary: accept
expires: 0
surrogate-key: inside
x-own: 1
"""


def given(
    asked: str, *, method: str = "GET", fields: str = FULL, status: int = 200, after_ms: int = 0
) -> Answer:
    return answer(get(asked, method=method), kept(fields, status), BODY, NOW_MS + after_ms)


OUTCOMES = [
    ("whole", "", "GET", 200, BODY, 10),
    ("9.3.2 HEAD has the length and no body", "", "HEAD", 200, b"", 10),
    ("15.4.5 not modified", 'if-none-match: "a"', "GET", 304, b"", None),
    ("15.4.5 for HEAD too", 'if-none-match: "a"', "HEAD", 304, b"", None),
    ("15.3.7 a part", "range: bytes=2-4", "GET", 206, b"234", 3),
    ("14.2 HEAD has no parts", "range: bytes=2-4", "HEAD", 200, b"", 10),
    ("15.5.17 nothing of it there", "range: bytes=10-", "GET", 416, b"", 0),
    ("14.2 not understood", "range: seats=1-2", "GET", 200, BODY, 10),
    ("13.2.2 a condition before a part", 'range: bytes=2-4\nif-none-match: "a"', "GET", 304, b"", None),
    ("13.2.2 then a part", 'range: bytes=2-4\nif-none-match: "b"', "GET", 206, b"234", 3),
    ("13.1.5 of other bytes the whole", 'range: bytes=2-4\nif-range: "b"', "GET", 200, BODY, 10),
    ("13.1.5 even if nothing of it is there", 'range: bytes=99-\nif-range: "b"', "GET", 200, BODY, 10),
    ("13.1.5 of the same bytes a part", 'range: bytes=2-4\nif-range: "a"', "GET", 206, b"234", 3),
]


@pytest.mark.parametrize(
    ("asked", "method", "status", "body", "length"),
    [case[1:] for case in OUTCOMES],
    ids=[case[0] for case in OUTCOMES],
)
def test_9110_sections_13_and_14(
    asked: str, method: str, status: int, body: bytes, length: int | None
) -> None:
    """Status, body and length for each kind of question."""
    found = given(asked, method=method)
    assert (found.status, found.body, found.length) == (status, body, length)


def test_9111_section_5_1_every_answer_from_here_has_one_age() -> None:
    """In whole seconds, and what it was old when it came counts."""
    found = given("", fields=FULL + "\nage: 5", after_ms=2_999)
    assert [value for name, value in found.fields if name == b"age"] == [b"7"]


def test_9110_section_15_4_5_what_a_304_says() -> None:
    """What guides caches; nothing of a content that it does not have."""
    names = {name for name, _ in given('if-none-match: "a"').fields}
    assert {b"etag", b"date", b"vary", b"cache-control", b"expires", b"content-location", b"age"} <= names
    assert not names & {
        b"content-type",
        b"content-language",
        b"content-digest",
        b"repr-digest",
        b"content-range",
    }


def test_9110_section_15_3_7_what_a_206_says() -> None:
    """All that the whole would say, and which part it is; a digest of all bytes is no part's (RFC 9530)."""
    fields = given("range: bytes=2-4").fields
    assert first(fields, b"content-range") == b"bytes 2-4/10"
    assert first(fields, b"content-type") == b"text/plain"
    assert first(fields, b"repr-digest") is not None
    assert first(fields, b"content-digest") is None
    assert {b"date", b"etag", b"cache-control", b"expires", b"content-location", b"vary"} <= {
        n for n, _ in fields
    }


def test_9110_section_15_3_7_2_several_parts() -> None:
    """One type for all of them, and no Content-Range outside of the parts."""
    found = given("range: bytes=0-1,8-9")
    assert found.status == 206
    assert (first(found.fields, b"content-type") or b"").startswith(b"multipart/byteranges; boundary=")
    assert first(found.fields, b"content-range") is None
    assert found.length == len(found.body)


def test_9110_section_15_5_17_says_how_long_the_whole_is() -> None:
    """So that the client can ask for what is there."""
    assert first(given("range: bytes=10-").fields, b"content-range") == b"bytes */10"


def test_other_answers_have_neither_conditions_nor_parts() -> None:
    """RFC 9110, section 13.2.1: a redirection is served as it is."""
    found = given('range: bytes=2-4\nif-none-match: "a"', status=301)
    assert (found.status, found.body) == (301, BODY)
    assert first(found.fields, b"content-range") is None


def test_names_of_things_inside_stay_inside() -> None:
    """Surrogate keys are between the origin and us."""
    assert first(given("").fields, b"surrogate-key") is None
    assert shown(lines("surrogate-key: a\nx: 1")) == ((b"x", b"1"),)


def test_9110_section_14_3_parts_are_offered() -> None:
    """Whether or not the origin gives parts, we do of what we have."""
    assert first(given("").fields, b"accept-ranges") == b"bytes"
