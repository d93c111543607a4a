"""What other programs print, and what we make of it: texts as wrk 4.1 and redis-benchmark 7.0 say them."""

import pytest

from benchmarks.drivers import h2load, redis_benchmark, wrk

WRK = """Running 2s test @ http://127.0.0.1:6903/
  1 threads and 64 connections
Requests/sec:   7686.21

{"requests":15358,"us":2005829,"p50":7660,"p99":35556,"failed":3,"built":0.25}
"""
REDIS = """"test","rps","avg_latency_ms","p50_latency_ms","p99_latency_ms"
"EVALSHA 0 1 a","50000.00","0.713","0.695","1.567"
"""


def test_wrk_is_charged_for_driving_not_for_making_its_texts() -> None:
    """Its own clock, and the processor time without that of the texts."""
    outcome = wrk.parse(WRK, cpu_seconds=0.75)
    assert (outcome.answers, outcome.failed) == (15358, 3)
    assert (outcome.seconds, outcome.cpu_seconds) == (2.005829, 0.5)
    assert (outcome.p50_ms, outcome.p99_ms) == (7.66, 35.556)


def test_redis_benchmark_tells_its_own_rate() -> None:
    """Calls over rate is the time, without its start."""
    outcome = redis_benchmark.parse(REDIS, calls=100_000, cpu_seconds=1.0)
    assert outcome.seconds == pytest.approx(2.0)
    assert (outcome.p50_ms, outcome.p99_ms) == (0.695, 1.567)


def test_h2load_counts_what_was_done() -> None:
    """Words without counts are an error, not a zero."""
    said = "finished in 2.00s\nrequests: 50 total, 50 started, 40 done, 38 succeeded, 2 failed, 0 errored"
    outcome = h2load.parse(said, 2.0, 0.1)
    assert (outcome.answers, outcome.failed) == (40, 2)
    with pytest.raises(ValueError, match="no counts"):
        h2load.parse("could not connect", 2.0, 0.1)
