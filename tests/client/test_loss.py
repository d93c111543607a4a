import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd_client import Check, LocalLimit
from sadd_client.loss import KEYS_MAX, Stand

Steps = list[tuple[int, int]]


def test_open_lets_pass_and_closed_does_not() -> None:
    """Each says who decided, and closed when to come again: when the platform said so, or in a second."""
    check = Check("p", "k")
    assert Stand("open", None).decide(check, "open", None, 0.0).allowed
    closed = Stand("closed", None)
    assert closed.decide(check, "closed", None, 0.0).retry_after_ms == 1000
    assert closed.decide(check, "closed", 2.5, 0.0).retry_after_ms == 2500
    assert closed.decide(check, "closed", 0.0, 0.0).retry_after_ms == 1


@given(
    limit=st.integers(1, 50),
    period_ms=st.integers(1, 5_000),
    burst=st.integers(1, 20),
    steps=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 5)), max_size=80),
)
def test_local_never_admits_more_than_it_says(limit: int, period_ms: int, burst: int, steps: Steps) -> None:
    """In any window of one period at most limit + burst pass; a look takes nothing."""
    stand, now = Stand("local", LocalLimit(limit, period_ms / 1000, burst)), 1000.0
    passed: list[tuple[float, int]] = []
    for pause_ms, cost in steps:
        now += pause_ms / 1000
        decision = stand.decide(Check("p", "k", cost), "local", None, now)
        if decision.allowed:
            passed.append((now, cost))
    for end, _ in passed:
        window = [cost for at, cost in passed if end - period_ms / 1000 < at <= end]
        assert sum(window) <= limit + burst


def test_local_says_when_to_come_again() -> None:
    """Whoever waits for ``retry_after_ms`` passes, and a moment earlier does not."""
    stand = Stand("local", LocalLimit(7, 1.0, 1))
    assert stand.decide(Check("p", "k"), "local", None, 10.0).allowed
    refused = stand.decide(Check("p", "k"), "local", None, 10.0)

    assert refused.retry_after_ms == 143
    assert not stand.decide(Check("p", "k"), "local", None, 10.141).allowed
    assert stand.decide(Check("p", "k"), "local", None, 10.143).allowed


def test_local_knows_when_no_wait_helps() -> None:
    """A cost above the burst never passes."""
    stand = Stand("local", LocalLimit(10, 1.0, 5))
    refused = stand.decide(Check("p", "k", 6), "local", None, 0.0)
    assert (refused.allowed, refused.retry_after_ms) == (False, None)


def test_local_remembers_a_bounded_number_of_keys() -> None:
    """A flood of distinct keys fills no memory, and a key in use stays."""
    stand = Stand("local", LocalLimit(1, 60.0))
    for number in range(2 * KEYS_MAX):
        stand.decide(Check("p", f"k{number}"), "local", None, 0.0)
        busy = stand.decide(Check("p", "busy"), "local", None, 0.0)
    assert not busy.allowed
    assert len(stand._arrivals) == KEYS_MAX


@pytest.mark.parametrize("words", [(0,), (1, 0.0), (1, 1.0, -1)])
def test_a_local_limit_is_one(words: tuple[int, ...]) -> None:
    """No limit of nothing, and no period of nothing."""
    with pytest.raises(ValueError):
        LocalLimit(*words)
