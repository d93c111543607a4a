"""An admitted visitor goes to a registered address, whatever the link to the room said."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.rooms.spec import RoomSpec
from sadd.rooms.view import RoomsView
from sadd.web.room_page.target import kept, origins, page_of, service_of, target
from tests.sadd.web.scene import RESULTS, View, catalogue

CATALOGUE = catalogue()
SPEC: RoomSpec = RoomsView(None, View(CATALOGUE)).current[RESULTS]
ORIGIN = CATALOGUE.services[RESULTS].origin


@pytest.mark.parametrize(
    ("asked", "page"),
    [
        (None, "/"),
        ("", "/"),
        ("results", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/x", "/evil.example/x"),
        ("/\\evil.example", "/evil.example"),
        ("/results?id=1&x=%2f", "/results?id=1&x=%2f"),
        ("/نتائج", "/%D9%86%D8%AA%D8%A7%D8%A6%D8%AC"),
        ("/a#b", "/a"),
        ("/a\r\nSet-Cookie: x", "/a%0D%0ASet-Cookie:%20x"),
        ("/" + "a" * 3_000, "/"),
    ],
)
def test_the_page_to_come_back_to(asked: str | None, page: str) -> None:
    """A path that begins with one slash: nothing in it becomes a host or a field."""
    assert page_of(asked) == page


@given(st.text() | st.text().map("/".__add__))
def test_the_host_is_always_the_catalogues(path: str) -> None:
    """Whatever path is asked for."""
    address = target(CATALOGUE, RESULTS, page_of(path), "a.b.c")
    assert urlsplit(address).netloc == urlsplit(ORIGIN).netloc
    assert address.startswith(ORIGIN + "/")
    assert address.endswith("sadd_pass=a.b.c")
    assert address.isascii()


def test_the_pass_is_one_more_parameter() -> None:
    """Behind a query that is there already, too."""
    assert target(CATALOGUE, RESULTS, "/a", "p") == f"{ORIGIN}/a?sadd_pass=p"
    assert target(CATALOGUE, RESULTS, "/a?b=1", "p") == f"{ORIGIN}/a?b=1&sadd_pass=p"


def test_a_service_behind_another_door() -> None:
    """One that the room does not serve is not gone to."""
    assert service_of(SPEC, "moph-appointment") == RESULTS
    assert service_of(SPEC, None) == RESULTS
    assert kept({"service": "moph-appointment", "path": "/x"}, SPEC) == {"path": "/x"}


def test_the_policy_names_the_rooms_services() -> None:
    """By their origins."""
    assert origins(CATALOGUE, SPEC) == (ORIGIN,)
