"""RFC 9111, section 4.4: what a request that changes something ends."""

import pytest

from cache.rfc9111.invalidation import invalidates
from tests.cache.rfc9111.messages import answered, get

HOSTS = (b"tax.example", b"tax.example:8443")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PURGE", "X-OWN"])
def test_9111_section_4_4_unsafe_methods_end_their_target(method: str) -> None:
    """Also those that nobody knows."""
    assert invalidates(get(method=method), answered("")) == (b"/a",)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_9111_section_4_4_safe_ones_end_nothing(method: str) -> None:
    """Whatever their answer says."""
    assert invalidates(get(method=method), answered("location: /b")) == ()


@pytest.mark.parametrize(
    ("status", "ends"), [(200, True), (204, True), (303, True), (400, False), (404, False), (500, False)]
)
def test_9111_section_4_4_errors_end_nothing(status: int, ends: bool) -> None:
    """Or anybody could empty the cache by requests that do nothing."""
    assert bool(invalidates(get(method="POST"), answered("", status))) == ends


TARGETS = [
    ("a path", "/b?x=1", b"/b?x=1"),
    ("beside it", "b", b"/b"),
    ("a query", "?x", b"/a?x"),
    ("this host", "https://tax.example/b", b"/b"),
    ("in any case", "HTTPS://TAX.example/b", b"/b"),
    ("with its port", "https://tax.example:8443/b", b"/b"),
    ("without a scheme", "//tax.example/b", b"/b"),
    ("the root", "https://tax.example", b"/"),
    ("without its fragment", "/b#c", b"/b"),
    ("another host", "https://evil.example/b", None),
    ("another port", "https://tax.example:1/b", None),
    ("with a name before the host", "https://tax.example@evil.example/b", None),
    ("another scheme", "ftp://tax.example/b", None),
    ("not to be read", "http://[", None),
]


@pytest.mark.parametrize("field", ["location", "content-location"])
@pytest.mark.parametrize(
    ("text", "target"), [case[1:] for case in TARGETS], ids=[case[0] for case in TARGETS]
)
def test_9111_section_4_4_locations_on_the_same_origin(field: str, text: str, target: bytes | None) -> None:
    """What they name is ended too, but never another origin's."""
    found = invalidates(get(method="POST"), answered(f"{field}: {text}", 303), HOSTS)
    assert found == ((b"/a",) if target is None else (b"/a", target))
