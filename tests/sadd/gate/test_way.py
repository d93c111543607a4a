"""Where a visitor is sent: into our room or to a path of the same host, whatever his address says."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.gate.way import PATH_CHARACTERS_MAX, into_room, page_of


@pytest.mark.parametrize(
    ("uri", "page"),
    [
        ("/", "/"),
        ("/results?id=7&sadd_pass=e.y.J", "/results?id=7"),
        ("/results?sadd_pass=e.y.J", "/results"),
        ("/results?sadd_pass=a&x=1&sadd_pass=b#there", "/results?x=1"),
        ("/results?sadd_passport=a", "/results?sadd_passport=a"),
        ("https://portal.example/results?x=%20", "/results?x=%20"),
        ("//evil.example/x", "/evil.example/x"),
        ("/\\evil.example", "/evil.example"),
        ("\\/\\/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example", "/%09/evil.example"),
        ("/a\r\nSet-Cookie: x=1", "/a%0D%0ASet-Cookie:%20x=1"),
        ("/\udcff", "/%FF"),
        ("/" + "x" * PATH_CHARACTERS_MAX, "/"),
        ("", "/"),
    ],
)
def test_a_page_is_a_path_of_the_same_host(uri: str, page: str) -> None:
    """One slash at its beginning, no pass in it, nothing that a header or a browser could take otherwise."""
    assert page_of(uri) == page


@given(st.text(max_size=50).filter(lambda text: text.isprintable() or True))
def test_nothing_becomes_a_host(text: str) -> None:
    """Whatever is asked for, the answer is a path, in plain ASCII."""
    uri = text.encode("utf-8", "replace").decode()
    for one in (uri, "/" + uri, "//" + uri, "/\\" + uri, "https:" + uri):
        page = page_of(one)
        assert page.startswith("/")
        assert page[1:2] not in ("/", "\\")
        assert page.isascii()
        assert page.isprintable()
        assert " " not in page
        assert urlsplit(page).netloc == ""


def test_the_room_knows_the_way_back() -> None:
    """Service and page are parameters of the room's own address."""
    url = into_room("https://queue.example/", "results", "moehe-results", "/a?b=1&sadd_pass=x&c=%26", "spent")
    parts = urlsplit(url)
    assert (parts.netloc, parts.path) == ("queue.example", "/queue/results")
    assert parse_qs(parts.query) == {
        "service": ["moehe-results"],
        "path": ["/a?b=1&c=%26"],
        "pass": ["spent"],
    }


def test_the_room_at_the_same_host() -> None:
    """Without an address of its own it is a path."""
    assert into_room("", "results", "s", "/") == "/queue/results?service=s&path=/"
