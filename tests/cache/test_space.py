"""A namespace: where its keys lie, and how a key's life is drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.policy import TTL_MS_MAX, Times
from cache.space import Space


@pytest.mark.parametrize("tenant", ["", "a b", "a{b}", "a:b", "a|b", "x" * 129, "a\n"])
def test_a_tenant_that_could_be_read_as_another_is_refused(tenant: str) -> None:
    """Colons, braces and spaces part the names of keys."""
    with pytest.raises(ValueError, match="a tenant"):
        Space(tenant, "results")


@pytest.mark.parametrize("namespace", ["", "-a", "A", "a" * 88, "a:b", "a}b"])
def test_an_odd_namespace_is_refused(namespace: str) -> None:
    """One form, so that one namespace has one name."""
    with pytest.raises(ValueError, match="a namespace"):
        Space("moe", namespace)


@pytest.mark.parametrize("jitter", [-0.1, 0.51])
def test_jitter_is_a_part(jitter: float) -> None:
    """Of an entry's life, at most half of it."""
    with pytest.raises(ValueError, match="jitter"):
        Space("moe", "results", jitter=jitter)


@pytest.mark.parametrize("key", ["", "x" * 1_025, "\ud800"])
def test_an_odd_key_is_refused(key: str) -> None:
    """None, and one longer than the store is to carry."""
    with pytest.raises(ValueError):
        Space("moe", "results").place(key)


@given(st.text(min_size=1, max_size=50), st.text(min_size=1, max_size=50))
def test_each_key_has_a_place_of_its_own(one: str, other: str) -> None:
    """And all of them one slot: what stands in the first braces, whatever stands in the key."""
    space = Space("moe", "results")
    assert (space.place(one) == space.place(other)) == (one == other)
    assert space.place(one).startswith(b"cache:{moe:results}:e:")
    assert space.place(one) != space.lease_place(other)


@given(st.text(min_size=1, max_size=20), st.integers(1, 10**9), st.integers(0, 10**9), st.floats(0, 0.5))
def test_jitter_draws_ends_forward_only(key: str, soft: int, stale: int, jitter: float) -> None:
    """By the same part each time, at most as much as was said; what was between the ends stays."""
    times = Times(soft, soft + stale, soft + stale + 5, soft + stale + 9)
    space = Space("moe", "results", jitter=jitter)
    drawn = space.drawn(key, times)
    assert drawn == space.drawn(key, times)
    assert max(1, soft - soft * jitter - 1) <= drawn.soft_ms <= soft
    assert drawn.hard_ms - drawn.soft_ms == stale


def test_keys_that_came_together_do_not_all_go_together() -> None:
    """1,000 keys put at once end over the whole of the jitter."""
    space = Space("moe", "results", jitter=0.1)
    ends = {space.drawn(f"key-{number}", Times(100_000, 100_000)).soft_ms for number in range(1_000)}
    assert min(ends) < 90_200
    assert max(ends) > 99_800
    assert len(ends) > 900


def test_nothing_is_kept_for_ever() -> None:
    """Every time has an end."""
    for times in ((TTL_MS_MAX + 1, TTL_MS_MAX + 1), (1, 1, TTL_MS_MAX + 1), (1, 1, 0, TTL_MS_MAX + 1)):
        with pytest.raises(ValueError, match="nothing is kept"):
            Times(*times)
