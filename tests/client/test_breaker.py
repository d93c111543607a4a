from hypothesis import given
from hypothesis import strategies as st

from sadd_client.breaker import FAILURES_MAX, LAST_PAUSE_SECONDS, Breaker


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_MAX):
        assert breaker.admits(now)
        breaker.failed(now, 1.0)
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    """Not before, and not by failures with answers between them."""
    breaker = Breaker()
    for _ in range(3 * FAILURES_MAX):
        breaker.failed(0.0, 0.5)
        breaker.answered()
    assert breaker.admits(0.0)
    assert not opened().admits(0.0)


def test_each_pause_admits_one_probe() -> None:
    """The others are spared until the probe has an answer."""
    breaker = opened()
    after = breaker.pause_seconds(0.0)

    assert [breaker.admits(after) for _ in range(3)] == [True, False, False]


def test_pauses_grow_to_a_bound() -> None:
    """Each failed probe doubles the pause, up to a second."""
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(8):
        pauses.append(breaker.pause_seconds(now))
        now += pauses[-1]
        assert breaker.admits(now)
        breaker.failed(now, 1.0)

    assert pauses == sorted(pauses)
    assert pauses[-1] == LAST_PAUSE_SECONDS


def test_stragglers_say_nothing_new() -> None:
    """A thousand calls that were under way fail together: that is one loss, not a thousand."""
    breaker = opened()
    before = breaker.pause_seconds(0.0)
    for _ in range(1000):
        breaker.failed(0.0, 1.0)
    assert breaker.pause_seconds(0.0) == before


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans(), st.floats(0, 1, exclude_max=True))))
def test_it_never_stays_shut(steps: list[tuple[float, bool, float]]) -> None:
    """Whatever happened, after one full pause somebody may ask."""
    breaker, now = Breaker(), 0.0
    for seconds, well, chance in steps:
        now += seconds
        if breaker.admits(now):
            if well:
                breaker.answered()
            else:
                breaker.failed(now, chance)
    assert breaker.admits(now + LAST_PAUSE_SECONDS)
