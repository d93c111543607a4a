"""What the visitor asked for, by the word of whichever proxy asks."""

import pytest
from multidict import CIMultiDict

from sadd.gate.original import Contradiction, Original, original_of


@pytest.mark.parametrize(
    ("headers", "method", "rest", "expected"),
    [
        ({}, "GET", "", Original("GET", "/")),
        ({}, "PUT", "/results/7", Original("PUT", "/results/7")),
        ({"X-Original-URI": "/results?x=/y"}, "GET", "", Original("GET", "/results?x=/y")),
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


def test_the_path_is_in_the_spelling_of_the_limits() -> None:
    """The limits are told the URI and spell it so themselves, once."""
    assert original_of(CIMultiDict({"X-Original-URI": "//a/%2561?x"}), "GET", "").path == "/a/%61"
