"""RFC 9111, section 5.2: directives are read as they stand, or say nothing; RFC 9213: those for us alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.rfc9111.directives import (
    NO_CACHE,
    NONE,
    SECONDS_MAX,
    Directives,
    asked,
    governing,
    parse_directives,
    targeted,
)
from tests.cache.rfc9111.messages import lines

TABLE = [
    ("5.2 none", "", NONE),
    ("5.2 two", "max-age=60, public", Directives(max_age=60, public=True)),
    ("5.2 names in any case", "MaX-aGe=60, NO-STORE", Directives(max_age=60, no_store=True)),
    ("5.2 quoted argument", 'max-age="60"', Directives(max_age=60)),
    ("5.2 empty members", ",, max-age=60 ,,", Directives(max_age=60)),
    ("5.2.3 unknown ones are ignored", 'x, y=1, z="a, no-store", max-age=60', Directives(max_age=60)),
    ("5.2.3 words in quotes are no directives", 'x="max-age=99", max-age=1', Directives(max_age=1)),
    ("5.2.3 also behind an escaped quote", r'x="\", no-store", public', Directives(public=True)),
    ("4.2.1 the first of two counts", "max-age=1, max-age=99", Directives(max_age=1)),
    ("1.2.2 leading noughts", "max-age=0060", Directives(max_age=60)),
    ("1.2.2 too great", "max-age=99999999999", Directives(max_age=SECONDS_MAX)),
    ("1.2.2 far too great", "max-age=" + "9" * 300, Directives(max_age=SECONDS_MAX)),
    ("4.2.1 negative is stale", "max-age=-1", Directives(max_age=0)),
    ("4.2.1 no number is stale", "max-age=a60", Directives(max_age=0)),
    ("4.2.1 nor with a letter behind", "max-age=60a", Directives(max_age=0)),
    ("4.2.1 a decimal is stale", "max-age=60.0", Directives(max_age=0)),
    ("4.2.1 no argument is stale", "max-age", Directives(max_age=0)),
    ("4.2.1 single quotes are no quotes", "max-age='60'", Directives(max_age=0)),
    ("5.2 no space before =", "max-age =60", NONE),
    ("5.2 no space behind =", "max-age= 60", Directives(max_age=0)),
    (
        "5.2.2.4 no-cache with names",
        'no-cache="X-A, x-b"',
        Directives(no_cache_fields=frozenset({b"x-a", b"x-b"})),
    ),
    ("5.2.2.7 private with names", 'private="X-A"', Directives(private_fields=frozenset({b"x-a"}))),
    (
        "5.2.2.7 the stricter of two counts",
        'private="x-a", private',
        Directives(private=True, private_fields=frozenset({b"x-a"})),
    ),
    ("5.2.1.2 max-stale without an argument", "max-stale", Directives(max_stale=SECONDS_MAX)),
    ("5.2.1.2 max-stale with one", "max-stale=10", Directives(max_stale=10)),
    (
        "5861 both",
        "stale-while-revalidate=5, stale-if-error=7",
        Directives(stale_while_revalidate=5, stale_if_error=7),
    ),
    ("8246 immutable", "immutable, max-age=9", Directives(immutable=True, max_age=9)),
    ("5.2 a string without end", 'max-age=60, x="', Directives(max_age=60)),
]


@pytest.mark.parametrize(("text", "found"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE])
def test_9111_section_5_2_directives(text: str, found: Directives) -> None:
    """One line of Cache-Control says what the table says."""
    assert parse_directives(((b"cache-control", text.encode()),)) == found


def test_9111_section_5_2_lines_are_one_list() -> None:
    """Two lines of a field say what one line with both says (RFC 9110, section 5.3)."""
    fields = lines("cache-control: max-age=60\ncache-control: must-revalidate, max-age=1")
    assert parse_directives(fields) == Directives(max_age=60, must_revalidate=True)


def test_9111_section_5_4_pragma_counts_only_without_cache_control() -> None:
    """Pragma: no-cache of a request is no-cache, unless there is a Cache-Control."""
    assert asked(lines("pragma: x, No-Cache")) == NO_CACHE
    assert asked(lines("pragma: no-cache\ncache-control: max-age=5")) == Directives(max_age=5)
    assert parse_directives(lines("pragma: no-cache")) is NONE


@given(st.binary(max_size=400))
def test_9111_section_5_2_anything_can_be_read(text: bytes) -> None:
    """Whatever an origin writes, reading it ends with directives; a time is never negative nor too great."""
    for found in (
        parse_directives(((b"cache-control", text),)),
        governing(((b"cdn-cache-control", text),))[0],
    ):
        times = (found.max_age, found.s_maxage, found.stale_if_error)
        assert all(seconds is None or 0 <= seconds <= SECONDS_MAX for seconds in times)


TARGETED = [
    ("2.2 it alone counts", "max-age=10", "no-store", Directives(max_age=10), True),
    ("2.2 also when it forbids", "no-store", "max-age=10", Directives(no_store=True), True),
    ("2.1 a word that is none", "none", "max-age=10", NONE, True),
    ("2.1 unknown ones are ignored", "foo, max-age=10", "no-store", Directives(max_age=10), True),
    ("2.1 parameters are ignored", "max-age=10;x=1", "no-store", Directives(max_age=10), True),
    ("2.1 names in a string", 'private="x-a"', "", Directives(private_fields=frozenset({b"x-a"})), True),
    ("2.1 empty is not there", "", "max-age=10", Directives(max_age=10), False),
    ("2.1 what cannot be read is not there", "max-age=10, &&&", "no-store", Directives(no_store=True), False),
    ("2.1 nor a space before =", "max-age =10", "no-store", Directives(no_store=True), False),
    ("2.1 nor capitals", "MaX-aGe=10", "no-store", Directives(no_store=True), False),
    ("2.1 a decimal is no max-age", "max-age=10.0", "max-age=99", NONE, True),
    ("2.1 a string is no max-age", 'max-age="10"', "max-age=99", NONE, True),
    (
        "2.1 too great for a structured field",
        "max-age=" + "9" * 16,
        "no-store",
        Directives(no_store=True),
        False,
    ),
    ("2.1 great", "max-age=99999999999", "no-store", Directives(max_age=SECONDS_MAX), True),
    ("2.1 said not to be so", "no-store=?0, max-age=1", "", Directives(max_age=1), True),
]


@pytest.mark.parametrize(
    ("own", "general", "found", "is_targeted"),
    [case[1:] for case in TARGETED],
    ids=[case[0] for case in TARGETED],
)
def test_9213_section_2(own: str, general: str, found: Directives, is_targeted: bool) -> None:
    """CDN-Cache-Control counts in the place of Cache-Control, or is as if it were not there."""
    fields = ((b"cdn-cache-control", own.encode()), (b"cache-control", general.encode()))
    assert governing(fields) == (found, is_targeted)


def test_9213_section_2_without_the_field() -> None:
    """Where there is no such field there are no targeted directives."""
    assert targeted(lines("cache-control: max-age=1")) is None
