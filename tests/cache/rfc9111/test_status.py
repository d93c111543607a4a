"""RFC 9211: each answer says what the cache did, as a structured field that any reader takes."""

import http_sf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.rfc9111.status import cache_status


def read(field: tuple[bytes, bytes]) -> tuple[str, dict[str, object]]:
    """The one member of the field: its name and its parameters."""
    members = http_sf.parse(field[1], tltype="list")
    assert isinstance(members, list)
    (member,) = members
    assert isinstance(member, tuple)
    name, parameters = member
    assert isinstance(parameters, dict)
    return str(name), {key: _plain(value) for key, value in parameters.items()}


def _plain(value: object) -> object:
    return str(value) if isinstance(value, http_sf.Token) else value


def test_9211_section_2_a_hit() -> None:
    """Either a hit, with how long it is fresh; negative when it is stale."""
    assert cache_status("Sadd", hit=True, ttl_s=-5) == (b"cache-status", b"Sadd; hit; ttl=-5")


def test_9211_section_2_a_forward() -> None:
    """Or forwarded, with why, and what came of it."""
    field = cache_status(
        "Sadd",
        fwd="uri-miss",
        fwd_status=304,
        ttl_s=60,
        stored=True,
        collapsed=False,
        key="/a",
        detail="no-store",
    )
    expected = {"fwd": "uri-miss", "fwd-status": 304, "ttl": 60, "stored": True, "collapsed": False}
    assert read(field)[1] == expected | {"key": "/a", "detail": "no-store"}


def test_9211_section_2_stored_or_not_is_said_in_both_cases() -> None:
    """What is not stored is said to be so."""
    assert read(cache_status("Sadd", fwd="miss", stored=False, collapsed=True))[1] == {
        "fwd": "miss",
        "stored": False,
        "collapsed": True,
    }


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_9211_section_2_any_text_makes_a_valid_field(name: str, key: str, detail: str) -> None:
    """Nothing that is put in can break out of it, nor add a line."""
    field = cache_status(name, fwd="miss", key=key, detail=detail)
    assert b"\r" not in field[1]
    assert b"\n" not in field[1]
    assert list(read(field)[1]) == ["fwd", "key", "detail"]


def test_9211_section_2_hit_and_fwd_exclude_each_other() -> None:
    """Whoever says both, or neither, erred."""
    with pytest.raises(AssertionError):
        cache_status("Sadd", hit=True, fwd="miss")
    with pytest.raises(AssertionError):
        cache_status("Sadd")
