"""What a turn makes of a driver's outcome and of a server's own counts."""

from collections.abc import Callable, Iterator

from benchmarks.drivers.outcome import Outcome
from benchmarks.drivers.turn import read
from benchmarks.peers.contender import Counts

OUTCOME = Outcome(answers=100, seconds=2.0, cpu_seconds=0.001, all_answers=120, failed=10)


def told(*counts: Counts) -> Callable[[], Counts]:
    source: Iterator[Counts] = iter(counts)
    return lambda: next(source)


def test_calls_that_failed_are_in_no_rate() -> None:
    """90 answers of three decisions each in two seconds; the driver's time is over all that it asked."""
    reading = read(lambda: OUTCOME, {}, 3)
    assert (reading.rate, reading.failed) == (135.0, 10)
    assert reading.client_us == 0.001 * 1e6 / 300


def test_answers_without_the_store_are_in_no_rate() -> None:
    """A worker that answered 20 by itself decided 70."""
    reading = read(lambda: OUTCOME, {}, 1, told(Counts(5), Counts(25)))
    assert (reading.rate, reading.undecided) == (35.0, 20)


def test_a_proxy_knows_better_than_its_driver() -> None:
    """50 decisions by its own count, whatever was answered."""
    reading = read(lambda: OUTCOME, {}, 1, told(Counts(0, 1_000), Counts(7, 1_050)))
    assert (reading.rate, reading.undecided) == (25.0, 7)
