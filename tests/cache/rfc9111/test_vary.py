"""RFC 9111, section 4.1: one URL, several answers, each for those that it was made for."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.rfc9111.fields import first
from cache.rfc9111.policy import Policy
from cache.rfc9111.vary import accepted_codings, accepted_language, normal_fields, vary_key, vary_names
from tests.cache.rfc9111.messages import PLAIN, lines

QATAR = Policy(languages=(b"ar", b"en"))


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ("", ()),
        ("vary:", ()),
        ("vary: Accept", (b"accept",)),
        ("vary: x-b , X-A,,\nvary: x-b", (b"x-a", b"x-b")),
        ("vary: *", None),
        ("vary: accept, *", None),
        ("vary: accept\nvary: x,*", None),
        ("content-encoding: gzip", (b"accept-encoding",)),
        ("content-encoding: gzip\nvary: x-a", (b"accept-encoding", b"x-a")),
        ("content-encoding: identity", ()),
    ],
)
def test_9111_section_4_1_names(fields: str, names: tuple[bytes, ...] | None) -> None:
    """Names are sorted and in small letters; a star anywhere is no request at all; coded is varied."""
    assert vary_names(lines(fields)) == names


SAME = [
    ("both without", "", "", True),
    ("missing is not empty", "x-a:", "", False),
    ("case of a value counts", "x-a: B", "x-a: b", False),
    ("spaces around do not", "x-a:   b,  c", "x-a: b,c", True),
    ("nor lines", "x-a: b\nx-a: c", "x-a: b, c", True),
    ("order does", "x-a: c, b", "x-a: b, c", False),
    ("other fields do not", "x-a: b\nx-z: 1", "x-a: b", True),
]


@pytest.mark.parametrize(
    ("one", "other", "same"), [case[1:] for case in SAME], ids=[case[0] for case in SAME]
)
def test_9111_section_4_1_matching(one: str, other: str, same: bool) -> None:
    """Two requests match if each named field is missing in both or the same in both."""
    keys = {vary_key((b"x-a",), lines(fields), PLAIN) for fields in (one, other)}
    assert (len(keys) == 1) == same


def test_9111_section_4_1_no_value_looks_like_two_fields() -> None:
    """Keys of several fields cannot be mixed up by what a client writes into one."""
    names = (b"x-a", b"x-b")
    tricked = vary_key(names, ((b"x-a", b"1,x-b=2"),), PLAIN)
    assert tricked != vary_key(names, ((b"x-a", b"1"), (b"x-b", b"2")), PLAIN)


CODINGS = [
    ("", "identity"),
    ("accept-encoding:", "identity"),
    ("accept-encoding: gzip, deflate, br, zstd", "zstd, br, gzip"),
    ("accept-encoding: br;q=0.1, GZIP;q=1", "br, gzip"),
    ("accept-encoding: gzip;q=0, br", "br"),
    ("accept-encoding: *", "zstd, br, gzip"),
    ("accept-encoding: *;q=0, gzip", "gzip"),
    ("accept-encoding: gzip;q=x", "gzip"),
    ("accept-encoding: deflate, identity", "identity"),
    ("accept-encoding: gzip\naccept-encoding: br", "br, gzip"),
]


@pytest.mark.parametrize(("fields", "codings"), CODINGS)
def test_codings_come_in_few_forms(fields: str, codings: str) -> None:
    """Trap of Vary: what browsers write in fifty ways is one of eight sets here."""
    assert accepted_codings(lines(fields), PLAIN) == codings.encode()


LANGUAGES = [
    ("", ""),
    ("accept-language: ar-QA, en;q=0.5", "ar"),
    ("accept-language: en-GB, ar;q=0.9", "en"),
    ("accept-language: fr, AR;q=0.1", "ar"),
    ("accept-language: ar;q=0, en;q=0.1", "en"),
    ("accept-language: fr", ""),
    ("accept-language: *", ""),
]


@pytest.mark.parametrize(("fields", "language"), LANGUAGES)
def test_languages_come_in_as_many_forms_as_there_are_languages(fields: str, language: str) -> None:
    """Trap of Vary: the one that the client likes best of those that the service speaks."""
    assert accepted_language(lines(fields), QATAR) == language.encode()


def test_without_a_list_languages_are_tidied_up() -> None:
    """In the order of their weights, in small letters."""
    assert accepted_language(lines("accept-language: en;q=0.1 , AR-qa,fr;q=0"), PLAIN) == b"ar-qa, en"


@given(
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60),
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60),
)
def test_no_client_can_make_more_variants_than_24(coding: str, language: str) -> None:
    """Trap of Vary: whatever is written there, a URL that varies by both has 8 x 3 answers at most."""
    names = (b"accept-encoding", b"accept-language")
    fields = ((names[0], coding.encode("latin-1")), (names[1], language.encode("latin-1")))
    sets = [
        b", ".join(c for c, taken in zip((b"zstd", b"br", b"gzip"), bits, strict=True) if taken)
        for bits in product((0, 1), repeat=3)
    ]
    allowed = {
        b"accept-encoding=%b\naccept-language=%b" % (codings or b"identity", tongue)
        for codings in sets
        for tongue in (b"", b"ar", b"en")
    }
    assert vary_key(names, fields, QATAR) in allowed


def test_what_is_sent_is_what_is_compared() -> None:
    """The origin sees the same few forms, so it cannot answer by what is not in the key."""
    sent = normal_fields(lines("accept-encoding: gzip;q=0.3\naccept-language: en-GB\nx-a: 1"), QATAR)
    assert sorted(sent) == [(b"accept-encoding", b"gzip"), (b"accept-language", b"en"), (b"x-a", b"1")]
    assert first(normal_fields((), QATAR), b"accept-language") is None
