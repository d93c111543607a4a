"""What an origin sees when its answer may be everybody's: only what is in the key (cache poisoning)."""

import pytest

from cache.rfc9111.asking import bypass, fetch_fields, with_validators
from cache.rfc9111.policy import DAY_MS, Policy
from tests.cache.rfc9111.messages import PLAIN, get, kept, lines

UNKEYED = [
    *("x-forwarded-host", "x-forwarded-scheme", "x-forwarded-proto", "x-forwarded-for", "x-forwarded-port"),
    *(
        "x-original-url",
        "x-rewrite-url",
        "x-http-method-override",
        "x-method-override",
        "x-host",
        "forwarded",
    ),
    *(
        "cookie",
        "authorization",
        "user-agent",
        "referer",
        "origin",
        "accept",
        "accept-language",
        "content-type",
    ),
    *(
        "x-oversized",
        "x-meta",
        "max-forwards",
        "te",
        "upgrade",
        "expect",
        "range",
        "if-range",
        "if-none-match",
    ),
    *("if-modified-since", "if-match", "if-unmodified-since", "via", "pragma", "cache-control", "host"),
]


@pytest.mark.parametrize("name", UNKEYED)
def test_what_is_not_keyed_is_not_sent(name: str) -> None:
    """Trap of poisoning: an origin cannot answer by what it does not see."""
    assert fetch_fields(lines(f"{name}: evil"), (), PLAIN) == ((b"accept-encoding", b"identity"),)


def test_what_an_answer_varied_by_is_sent() -> None:
    """It is in the key then."""
    sent = fetch_fields(lines("accept: text/html\nx-b: 1"), (b"accept",), PLAIN)
    assert (b"accept", b"text/html") in sent
    assert (b"x-b", b"1") not in sent


@pytest.mark.parametrize("name", [b"cookie", b"authorization", b"range", b"if-none-match", b"host"])
def test_what_is_one_visitors_own_is_not_sent_even_if_named(name: bytes) -> None:
    """An answer that varies by a cookie is fetched without one: its key says so too."""
    assert name not in dict(fetch_fields(((name, b"x"),), (name,), PLAIN))


def test_9111_section_4_3_1_validators_are_ours() -> None:
    """The client's own conditions go, both of ours come."""
    last = "Sun, 06 Nov 1994 08:49:37 GMT"
    stored = kept(
        f'cache-control: max-age=60\netag: "a"\nlast-modified: {last}', policy=Policy(keep_ms=DAY_MS)
    )
    sent = with_validators(lines('if-none-match: "z"\nrange: bytes=0-1\nx-a: 1'), stored)
    expected = ((b"x-a", b"1"), (b"if-none-match", b'"a"'), (b"if-modified-since", last.encode()))
    assert sent == expected


BYPASSES = [
    ("a plain one", get(), ""),
    ("HEAD", get(method="HEAD"), ""),
    ("an empty body", get("content-length: 0"), ""),
    ("another method", get(method="POST"), "method"),
    ("a method in small letters is another", get(method="get"), "method"),
    ("one visitor's own", get(personal=True), "personal"),
    ("9111 4.3.2 If-Match", get('if-match: "a"'), "condition"),
    ("9111 4.3.2 If-Unmodified-Since", get("if-unmodified-since: x"), "condition"),
    ("a body of a GET", get("content-length: 3"), "body"),
    ("in chunks", get("transfer-encoding: chunked"), "body"),
]


@pytest.mark.parametrize(
    ("request_", "why"), [case[1:] for case in BYPASSES], ids=[case[0] for case in BYPASSES]
)
def test_what_goes_past_the_cache(request_: object, why: str) -> None:
    """Trap of the fat GET, and conditions that only the origin can judge."""
    assert bypass(request_) == why  # type: ignore[arg-type]  # a table of mixed cases
