"""RFC 9875, and Surrogate-Key: by which names an answer can be ended."""

import pytest

from cache.entry import TAGS_MAX as TAGS_OF_AN_ENTRY_MAX
from cache.entry import check_tag
from cache.rfc9111.tags import TAGS_MAX, invalidated_groups, tags
from tests.cache.rfc9111.messages import answered, get, lines

TABLE = [
    ("9875 2 strings", 'cache-groups: "a", "b"', ("cache-group:a", "cache-group:b")),
    ("9875 2 on two lines", 'cache-groups: "a"\ncache-groups: "b"', ("cache-group:a", "cache-group:b")),
    ("9875 2 parameters are ignored", 'cache-groups: "a";x=1', ("cache-group:a",)),
    ("9875 2 character by character", 'cache-groups: "A", "a"', ("cache-group:A", "cache-group:a")),
    ("9875 2 what is no string is none", 'cache-groups: "a", b, ("c"), 1', ("cache-group:a",)),
    ("9875 2 no list", 'cache-groups: "a', ()),
    ("9875 2 spaces and commas", 'cache-groups: "a b,c%"', ("cache-group:a%20b%2Cc%25",)),
    ("keys", "surrogate-key: a  b\tc", ("a", "b", "c")),
    ("the same twice", "surrogate-key: a a\nsurrogate-key: a", ("a",)),
    ("not to be printed", "surrogate-key: a\x7f b", ("b",)),
    ("too long", "surrogate-key: " + "x" * 129 + " b", ("b",)),
    ("none", "", ()),
]


@pytest.mark.parametrize(("fields", "found"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE])
def test_9875_and_surrogate_keys(fields: str, found: tuple[str, ...]) -> None:
    """Groups stand behind a prefix, keys are tags as they are."""
    assert tags(lines(fields)) == found


def test_9875_section_2_at_least_32_groups_of_32_characters() -> None:
    """That many are taken, and no more than an entry can have."""
    many = ", ".join(f'"{n:032}"' for n in range(32))
    assert len(tags(lines(f"cache-groups: {many}"))) == 32
    assert (
        len(tags(lines("surrogate-key: " + " ".join(map(str, range(500))))))
        == TAGS_MAX
        <= TAGS_OF_AN_ENTRY_MAX
    )


def test_each_tag_can_be_a_tag_of_an_entry() -> None:
    """Whatever characters a group has."""
    for tag in tags(lines('cache-groups: "' + "".join(map(chr, (*range(32, 34), *range(35, 64)))) + '"')):
        check_tag(tag)


@pytest.mark.parametrize(
    ("method", "status", "found"),
    [
        ("POST", 200, ("cache-group:a",)),
        ("DELETE", 204, ("cache-group:a",)),
        ("GET", 200, ()),
        ("HEAD", 200, ()),
        ("POST", 403, ()),
        ("POST", 500, ()),
    ],
)
def test_9875_section_3_invalidation(method: str, status: int, found: tuple[str, ...]) -> None:
    """Only an answer to an unsafe method ends groups, and only if it is no error."""
    assert invalidated_groups(get(method=method), answered('cache-group-invalidation: "a"', status)) == found
