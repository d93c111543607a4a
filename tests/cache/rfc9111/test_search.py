"""No-Vary-Search: parameters that do not change an answer, and anything odd counts for nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.rfc9111.search import EACH, QUERY_BYTES_MAX, SearchRule, no_vary_search
from tests.cache.rfc9111.messages import lines


def rule(value: str) -> SearchRule:
    return no_vary_search(lines(f"no-vary-search: {value}"))


RULES = [
    ("params", SearchRule(only=True)),
    ("params=?1", SearchRule(only=True)),
    ('params=("a")', SearchRule(frozenset({"a"}))),
    ('params, except=("x")', SearchRule(frozenset({"x"}), only=True)),
    ("key-order", SearchRule(sorted_keys=True)),
    ('params, key-order, except=("x")', SearchRule(frozenset({"x"}), only=True, sorted_keys=True)),
    ('params=("%C3%A9+%E6%B0%97")', SearchRule(frozenset({"é 気"}))),
    ('params=("a"), unknown', SearchRule(frozenset({"a"}))),
]


@pytest.mark.parametrize(("value", "found"), RULES)
def test_a_rule_is_read(value: str, found: SearchRule) -> None:
    """As the draft's own examples say."""
    assert rule(value) == found


ODD = [
    *("unknown-key", 'key-order="x"', 'params="x"', "params=(not-a-string)", 'params=("a"), except=("x")'),
    *(
        "params=(), except=()",
        'params=?0, except=("x")',
        "params, except=(not-a-string)",
        'params, except="x"',
    ),
    *("params, except=?1", 'except=("x")', "except=()", "params=?0", "params=()", "key-order=?0", "&&&", ""),
]


@pytest.mark.parametrize("value", ODD)
def test_what_is_odd_counts_for_nothing(value: str) -> None:
    """Fewer hits are the worst that can come of it."""
    assert rule(value) == EACH


SAME = [
    ("params", "a=1", "b=2"),
    ("params", "", "b=2"),
    ('params=("utm")', "a=1&utm=x", "a=1"),
    ('params=("utm")', "utm=x&a=1&utm=y", "a=1"),
    ('params, except=("a")', "a=1&b=2", "c=3&a=1"),
    ("key-order", "a=1&b=2", "b=2&a=1"),
    ("key-order", "a=x", "%61=%78"),
    ("key-order", "a=é".encode().decode("latin-1"), "a=%C3%A9"),
    ("key-order", "a=%f6", "a=%ef%bf%bd"),
    ("key-order", "a=x&&&&", "a=x"),
    ("key-order", "a=", "a"),
    ("key-order", "a=%20", "a=+"),
]


@pytest.mark.parametrize(("value", "one", "other"), SAME)
def test_queries_that_are_one(value: str, one: str, other: str) -> None:
    """Equal once they are normal."""
    found = rule(value)
    assert found.normal(one.encode("latin-1")) == found.normal(other.encode("latin-1"))


APART = [
    ("key-order", "a=1&a=2", "a=2&a=1"),
    ("key-order", "a=1", "a=2"),
    ('params=("utm")', "a=1&b=2", "b=2&a=1"),
    ('params, except=("a")', "a=1", "a=2"),
    ('params=("utm")', "UTM=1", ""),
    ("params=()", "a=1&&b", "a=1&b="),
    ("key-order", "a=1%26b=2", "a=1&b=2"),
]


@pytest.mark.parametrize(("value", "one", "other"), APART)
def test_queries_that_are_not(value: str, one: str, other: str) -> None:
    """A rule never makes more equal than it says."""
    found = rule(value)
    assert found.normal(one.encode()) != found.normal(other.encode())


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80))
def test_what_is_normal_stays_so(query: str) -> None:
    """Twice is once, for any query."""
    for found in (rule("key-order"), rule('params=("a")'), rule('params, except=("a")')):
        once = found.normal(query.encode())
        assert found.normal(once) == once


def test_a_query_that_costs_too_much_is_its_own() -> None:
    """Work on a query is bounded, in bytes and in parameters."""
    for query in (b"a=" + b"x" * QUERY_BYTES_MAX, b"&".join([b"a"] * 300)):
        assert rule("params").normal(query) == query
