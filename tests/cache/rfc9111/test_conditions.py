"""RFC 9110, section 13, and RFC 9111, section 4.3.2: what a cache judges itself."""

import pytest

from cache.rfc9111.conditions import is_unmodified, range_applies, strongly_equal, weakly_equal
from tests.cache.rfc9111.messages import NOW_MS, kept, lines

LAST = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"
FRESH = "cache-control: max-age=60\n"
BOTH = FRESH + f'etag: "a"\nlast-modified: {LAST}'
WEAK = FRESH + 'etag: W/"a"'
DATED = FRESH + f"last-modified: {LAST}"

TAGS = [
    ('"a"', '"a"', True, True),
    ('W/"a"', '"a"', False, True),
    ('W/"a"', 'W/"a"', False, True),
    ('"a"', '"b"', False, False),
    ('w/"a"', '"a"', False, False),
    ("a", "a", False, True),
]


@pytest.mark.parametrize(("one", "other", "strongly", "weakly"), TAGS)
def test_9110_section_8_8_3_2_comparison(one: str, other: str, strongly: bool, weakly: bool) -> None:
    """Strongly only where neither is weak; weakly whatever they are (trap: hishel compared the text)."""
    assert strongly_equal(one.encode(), other.encode()) == strongly
    assert weakly_equal(one.encode(), other.encode()) == weakly


UNMODIFIED = [
    ("13.1.2 the same", BOTH, 'if-none-match: "a"', True),
    ("13.1.2 another", BOTH, 'if-none-match: "b"', False),
    ("13.1.2 one of a list", BOTH, 'if-none-match: "b", W/"a"', True),
    ("13.1.2 one of two lines", BOTH, 'if-none-match: "b"\nif-none-match: "a"', True),
    ("13.1.2 a comma within a tag", FRESH + 'etag: "a,b"', 'if-none-match: "a,b"', True),
    ("13.1.2 weakly", WEAK, 'if-none-match: "a"', True),
    ("13.1.2 any", BOTH, "if-none-match: *", True),
    ("13.1.2 any, without a tag", DATED, "if-none-match: *", True),
    ("13.1.2 a tag, without one", DATED, 'if-none-match: "a"', False),
    ("13.1.3 not since", DATED, f"if-modified-since: {LAST}", True),
    ("13.1.3 later", DATED, f"if-modified-since: {AFTER}", True),
    ("13.1.3 before", DATED, f"if-modified-since: {BEFORE}", False),
    ("13.1.3 no date", DATED, "if-modified-since: yesterday", False),
    ("13.1.3 in an old form", DATED, "if-modified-since: Sunday, 06-Nov-94 08:49:37 GMT", True),
    ("13.2.2 the tag counts before the date", BOTH, f'if-none-match: "b"\nif-modified-since: {AFTER}', False),
    (
        "4.3.2 by its Date, without Last-Modified",
        FRESH,
        "if-modified-since: Mon, 01 Jan 2035 00:00:00 GMT",
        True,
    ),
    ("4.3.2 that is later", FRESH, f"if-modified-since: {LAST}", False),
    ("no condition", BOTH, "", False),
]


@pytest.mark.parametrize(
    ("fields", "asked", "same"), [case[1:] for case in UNMODIFIED], ids=[case[0] for case in UNMODIFIED]
)
def test_9110_section_13_1_unmodified(fields: str, asked: str, same: bool) -> None:
    """Who has it already gets 304."""
    assert is_unmodified(lines(asked), kept(fields), NOW_MS) == same


def test_9110_section_13_2_1_only_for_200() -> None:
    """A redirection has no conditions."""
    moved = kept('cache-control: max-age=60\netag: "a"\nlocation: /b', 301)
    assert not is_unmodified(lines('if-none-match: "a"'), moved, NOW_MS)


IF_RANGE = [
    ("none", BOTH, "", True),
    ("the same strong tag", BOTH, 'if-range: "a"', True),
    ("another tag", BOTH, 'if-range: "b"', False),
    ("a weak tag never", WEAK, 'if-range: W/"a"', False),
    ("nor one of the two", WEAK, 'if-range: "a"', False),
    ("the very date", DATED, f"if-range: {LAST}", True),
    ("a later date is another", DATED, f"if-range: {AFTER}", False),
    ("the same in another form is another", DATED, "if-range: Sunday, 06-Nov-94 08:49:37 GMT", False),
    ("a date, without one", FRESH, f"if-range: {LAST}", False),
    (
        "8.8.2.2 a date as young as the answer is weak",
        "cache-control: max-age=2000000000\n" + f"last-modified: {LAST}\ndate: {LAST}",
        f"if-range: {LAST}",
        False,
    ),
]


@pytest.mark.parametrize(
    ("fields", "asked", "applies"), [case[1:] for case in IF_RANGE], ids=[case[0] for case in IF_RANGE]
)
def test_9110_section_13_1_5_if_range(fields: str, asked: str, applies: bool) -> None:
    """A part is given only of the very bytes that the client has the rest of."""
    assert range_applies(lines(asked), kept(fields), NOW_MS) == applies
