"""The table of what is done, row by row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.decide import (
    Decision,
    Found,
    Lead,
    Refuse,
    Serve,
    ServeAndRefresh,
    Wait,
    Wanted,
    decide,
    early,
    spare,
)
from cache.entry import Content, Entry

NOW = 1_000
FRESH = Entry(Content(b"fresh"), 0, NOW + 1, NOW + 1, NOW + 1)
STALE = Entry(Content(b"stale"), 0, NOW, NOW + 1, NOW + 1)
SPARE = Entry(Content(b"spare"), 0, NOW - 1, NOW, NOW + 1)
TAKES, FORBIDS = Wanted(stale=True), Wanted(stale=False)
WAITS = Wanted(stale=False, wait_until_ms=NOW + 50)


@pytest.mark.parametrize(
    ("found", "wanted", "told"),
    [
        (Found(FRESH), FORBIDS, Serve(FRESH)),
        (Found(FRESH, lease_ends_ms=NOW + 9), FORBIDS, Serve(FRESH)),
        (Found(FRESH, token=7), FORBIDS, ServeAndRefresh(FRESH, 7)),
        (Found(STALE, token=7), TAKES, ServeAndRefresh(STALE, 7)),
        (Found(STALE, token=7), FORBIDS, Lead(7, True, STALE)),
        (Found(STALE, lease_ends_ms=NOW + 9), TAKES, Serve(STALE)),
        (Found(STALE, lease_ends_ms=NOW + 9), FORBIDS, Refuse(9)),
        (Found(STALE, lease_ends_ms=NOW + 9), WAITS, Wait(NOW + 9)),
        (Found(STALE, lease_ends_ms=NOW + 99), WAITS, Wait(NOW + 50)),
        (Found(SPARE, token=7), TAKES, Lead(7, True, SPARE)),
        (Found(SPARE, lease_ends_ms=NOW + 9), TAKES, Refuse(9)),
        (Found(token=7), TAKES, Lead(7, True, None)),
        (Found(token=7, uncacheable_until_ms=NOW + 1), TAKES, Lead(7, False, None)),
        (Found(lease_ends_ms=NOW + 9), TAKES, Refuse(9)),
        (Found(lease_ends_ms=NOW - 9), WAITS, Wait(NOW + 1)),
    ],
)
def test_each_row(found: Found, wanted: Wanted, told: Decision) -> None:
    """Fresh before stale, stale before loading, loading before waiting, waiting before a refusal."""
    assert decide(found, NOW, wanted) == told


ms = st.integers(0, 2_000)
entries = st.builds(Entry, st.just(Content(b"")), ms, ms, ms, ms)
founds = st.builds(Found, st.none() | entries, st.none() | st.integers(1, 9), ms, ms)


@given(founds, st.builds(Wanted, st.booleans(), ms))
def test_whatever_is_found(found: Found, wanted: Wanted) -> None:
    """Nothing that ended is served, nothing stale to who forbids it; the right to load is never wasted."""
    told = decide(found, NOW, wanted)
    if isinstance(told, Serve | ServeAndRefresh):
        entry = told.entry
        assert entry.soft_ms > NOW or (wanted.stale and entry.hard_ms > NOW)
    if found.token is not None:
        assert isinstance(told, Lead | ServeAndRefresh)
        assert told.token == found.token
    if isinstance(told, Wait):
        assert NOW < told.until_ms <= wanted.wait_until_ms
    if isinstance(told, Refuse):
        assert told.retry_after_ms >= 1


def test_a_spare_ends_with_its_error_time() -> None:
    """RFC 5861, section 4: in the place of a failing origin, and not later."""
    assert spare(SPARE, NOW) is SPARE
    assert spare(SPARE, NOW + 1) is None
    assert spare(None, NOW) is None


def test_early_only_where_stale_is_forbidden() -> None:
    """XFetch: the nearer the end and the dearer the load, the likelier; never with a stale time to do it."""
    dear = Entry(Content(b""), 0, NOW + 100, NOW + 100, cost_ms=100)
    assert early(dear, NOW, 1.0, 0.3)  # -ln 0.3 = 1.2 loads before the end, and it is one
    assert not early(dear, NOW, 1.0, 0.5)
    assert not early(dear, NOW, 0.0, 1e-9)
    lenient = Entry(Content(b""), 0, NOW + 100, NOW + 200, cost_ms=100)
    assert not early(lenient, NOW, 1.0, 1e-9)
