"""The breaker before an origin."""

import pytest

from sadd.shield.breaker import FAILURES_MAX, OPEN_SECONDS, OPEN_SECONDS_MAX, Breaker


def test_the_breaker_tries_again_by_one() -> None:
    """Half open it lets one through: its failure doubles the time, its answer ends it."""
    breaker = Breaker()
    for _ in range(FAILURES_MAX):
        assert breaker.refused_for(0.0) == 0
        breaker.failed(0.0)
    assert breaker.refused_for(0.5) == 0.5

    assert (breaker.refused_for(OPEN_SECONDS) == 0, breaker.refused_for(OPEN_SECONDS) > 0) == (True, True)
    breaker.failed(OPEN_SECONDS)
    assert breaker.refused_for(OPEN_SECONDS + 1.5) == pytest.approx(0.5)
    assert breaker.refused_for(OPEN_SECONDS_MAX) == 0
    breaker.answered()
    assert breaker.refused_for(OPEN_SECONDS_MAX) == 0
