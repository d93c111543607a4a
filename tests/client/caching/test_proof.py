from hypothesis import given
from hypothesis import strategies as st

from sadd_client.caching.proof import Proof

SECONDS = st.floats(0, 300)


def test_nothing_is_proven_before_a_word() -> None:
    """Not by a hello alone, nor by a beat without one."""
    proof = Proof(1.0)
    proof.alive(5)
    assert proof.until == 0
    proof.hello(10.0, 5)
    assert proof.until == 0


@given(st.floats(0, 5), SECONDS, SECONDS, st.floats(-0.0005, 0.0005))
def test_a_proof_ends_in_time(way: float, there: float, passed: float, drift: float) -> None:
    """It never lasts beyond the bound after what was proven, however late words come and clocks run."""
    asked_at, bound = 100.0, 1.0
    their_zero = 1_000 * there
    proven = asked_at + way + passed  # on our clock, when they knew it
    proof = Proof(bound)
    proof.hello(asked_at, int(their_zero) + 1)
    proof.alive(int(their_zero + passed * 1_000 * (1 + drift)))

    assert proof.until <= proven + bound


def test_a_lost_stream_proves_nothing() -> None:
    """Whatever was proven a moment ago."""
    proof = Proof(1.0)
    proof.hello(10.0, 0)
    proof.alive(50)
    assert proof.until > 10.9
    proof.lost()
    proof.alive(60)

    assert proof.until == 0
