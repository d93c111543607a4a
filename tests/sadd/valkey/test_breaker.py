"""The breaker's arithmetic, with time and chance by hand."""

from sadd.valkey.breaker import LAST_DELAY_SECONDS, STEADY_SECONDS, Breaker
from sadd.valkey.dial import DIAL_SECONDS


def steady(now: float) -> Breaker:
    breaker = Breaker()
    breaker.recovered(now - STEADY_SECONDS)
    return breaker


def test_a_steady_connection_that_breaks_is_redialled_before_anybody_is_refused() -> None:
    """Closed during the first redial; open when that fails."""
    breaker = steady(100.0)
    breaker.lost(100.0, stalled=False)
    assert not breaker.refuses
    assert breaker.delay_seconds(chance=1.0) == 0.0
    assert breaker.failed()
    assert breaker.refuses
    assert breaker.opened == 1


def test_a_stalled_node_is_refused_at_once() -> None:
    """Silence is no accident of the connection: the breaker opens without a redial."""
    breaker = steady(100.0)
    breaker.lost(100.0, stalled=True)
    assert breaker.state == "open"
    breaker.probing()
    assert breaker.state == "half-open"
    assert breaker.refuses
    breaker.recovered(101.0)
    assert breaker.state == "closed"


def test_a_flapping_node_is_redialled_ever_slower() -> None:
    """One that accepts and hangs up again opens the breaker and is not dialled in a hot loop."""
    breaker = Breaker()
    delays = []
    for turn in range(10):
        breaker.recovered(turn * 0.1)
        breaker.lost(turn * 0.1 + 0.01, stalled=False)
        delays.append(breaker.delay_seconds(chance=1.0))
    assert breaker.refuses
    assert delays[0] == 0.0
    assert delays == sorted(delays)
    assert delays[-1] == LAST_DELAY_SECONDS


def test_delays_have_jitter_and_a_bound_that_keeps_the_promise() -> None:
    """Whatever failed before, a store that is back is found within a second."""
    breaker = steady(0.0)
    breaker.lost(0.0, stalled=False)
    for _ in range(1000):
        breaker.failed()
    assert breaker.delay_seconds(0.0) == LAST_DELAY_SECONDS / 2
    assert breaker.delay_seconds(0.99) > breaker.delay_seconds(0.01)
    assert breaker.delay_seconds(1.0) + DIAL_SECONDS < 1.0


def test_it_tells_once_that_it_opened() -> None:
    """One log line an outage, not one a probe."""
    breaker = steady(0.0)
    breaker.lost(0.0, stalled=False)
    assert [breaker.failed() for _ in range(3)] == [True, False, False]
