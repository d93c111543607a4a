"""How often estimates held is counted by places followed to their call, in bounded memory."""

from queueing.coverage import LEVELS, PROBES_PER_LEVEL, Coverage, Covered, Probe


def probe(number: int, made_ms: int = 0) -> Probe:
    """Expected after a minute; told 50 s to 70 s."""
    return Probe(number, made_ms, 60_000.0, 50_000.0, 70_000.0)


def test_nothing_is_said_before_the_first_case() -> None:
    """An estimate under way is none that came true."""
    coverage = Coverage()
    coverage.follow(0, probe(10))

    assert coverage.called(9, 55_000) == []
    assert coverage.covered is None


def test_a_case_is_counted_once_when_its_number_is_called() -> None:
    """In time is held, later is not, and neither is counted again."""
    coverage = Coverage()
    coverage.follow(0, probe(10))
    coverage.follow(3, probe(20))

    assert coverage.called(10, 55_000) == [probe(10)]
    assert coverage.covered == Covered(1.0, 1)
    assert coverage.called(20, 90_000) == [probe(20)]
    assert coverage.called(30, 95_000) == []

    covered = coverage.covered
    assert covered is not None
    assert covered.cases == 2
    assert 0.49 < covered.share < 0.51


def test_each_level_holds_few_places_and_spaces_them_by_the_wait() -> None:
    """A line of two hours is watched as cheaply as one of two minutes."""
    coverage = Coverage()
    for second in range(7_200):
        for level in range(LEVELS):
            if coverage.wants(level, 7_200_000.0, second * 1000):
                coverage.follow(level, probe(10**9, second * 1000))

    assert all(len(probes) == PROBES_PER_LEVEL for probes in coverage.probes)
    gaps = [b.made_ms - a.made_ms for a, b in zip(coverage.probes[0], coverage.probes[0][1:], strict=False)]
    assert min(gaps) >= 720_000
