"""What the visitor asked for, by the word of whichever proxy asks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from sadd.gate.original import Contradiction, Original, original_of, plain_path


@pytest.mark.parametrize(
    ("headers", "method", "rest", "expected"),
    [
        ({}, "GET", "", Original("GET", "/")),
        ({}, "PUT", "/results/7", Original("PUT", "/results/7")),
        ({"X-Original-URI": "/results?x=/y"}, "GET", "", Original("GET", "/results")),
        ({"X-Forwarded-Uri": "/a", "X-Forwarded-Method": "POST"}, "GET", "", Original("POST", "/a")),
        ({"x-original-uri": "/a", "X-Original-Method": "PUT"}, "GET", "/b", Original("PUT", "/a")),
        ({"X-Original-URI": "/a", "X-Forwarded-Uri": "/a"}, "GET", "", Original("GET", "/a")),
    ],
)
def test_each_proxys_field(headers: dict[str, str], method: str, rest: str, expected: Original) -> None:
    """nginx and HAProxy, Caddy, Envoy: each has a way of its own, and all mean the same."""
    assert original_of(CIMultiDict(headers), method, rest) == expected


def test_a_visitor_sends_the_field_of_another_proxy() -> None:
    """Fields that do not agree are refused: else the forged one might be the one that is believed."""
    forged = CIMultiDict({"X-Forwarded-Uri": "/results", "X-Original-URI": "/news"})
    with pytest.raises(Contradiction, match="X-Original-URI, X-Forwarded-Uri"):
        original_of(forged, "GET", "")
    twice = CIMultiDict([("X-Original-URI", "/results"), ("X-Original-URI", "/news")])
    with pytest.raises(Contradiction):
        original_of(twice, "GET", "")


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("/", "/"),
        ("/a//b", "/a/b"),
        ("//a", "/a"),
        ("/a/./b/../c", "/a/c"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/../../a", "/a"),
        ("/%72esults", "/results"),
        ("/a%2Fb", "/a/b"),
        ("/a/%2e%2e/b", "/b"),
        ("/%2561", "/%61"),
        ("/results;jsessionid=1/7", "/results/7"),
        ("/news/..;/results", "/results"),
        ("/news/..%3b/results", "/results"),
        ("/results;", "/results"),
        ("/a?b/../c", "/a"),
        ("/a#b", "/a"),
        ("https://portal.example/a?b", "/a"),
        ("https://portal.example", "/"),
        ("*", "/"),
        ("/نتائج", "/نتائج"),
    ],
)
def test_one_page_has_one_path(uri: str, path: str) -> None:
    """A rule for a page holds for each spelling that an origin takes for it."""
    assert plain_path(uri) == path


@settings(deadline=None)
@given(st.lists(st.sampled_from(["/", ".", "..", "a", "%2f", "%2e", "?", "b", ";", "%3B"]), max_size=12))
def test_a_path_is_absolute_and_plain(pieces: list[str]) -> None:
    """Whatever comes in: one slash to begin with, no empty segment within, no dots."""
    path = plain_path("/" + "".join(pieces))
    segments = path.split("/")
    assert segments[0] == ""
    assert "" not in segments[1:-1]
    assert not {".", ".."} & set(segments)
