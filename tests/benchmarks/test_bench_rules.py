"""The benchmark of the rules runs, in small."""

import pytest

from benchmarks import bench_rules


def test_each_set_of_rules_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number for each, and a request is decided by every one of them."""
    monkeypatch.setattr(bench_rules, "CALLS", 3)
    monkeypatch.setattr(bench_rules, "ROUNDS", 1)
    assert all(nanoseconds > 0 for nanoseconds in bench_rules.measure().values())
    assert set(bench_rules.measure()) == set(bench_rules.sets())
