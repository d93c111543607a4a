"""A short run of the draw's benchmark takes entries in, freezes them, and checks a draw."""

import asyncio

from benchmarks.bench_draw import check, gather, made
from queueing.draw.verification import faults_of_list


def test_entries_are_taken_in_many_a_commit_and_frozen() -> None:
    """Entries are taken in many a commit and frozen."""
    gathered = asyncio.run(gather(400))

    assert gathered.commits < 400
    assert gathered.per_second > 0
    assert gathered.freeze_s > 0


def test_what_is_checked_is_a_true_draw() -> None:
    """What is checked is a true draw."""
    checked = check(3_000)

    assert faults_of_list(made(50)) == []
    assert 0 < checked.whole_cpu_s < 10
    assert 0 < checked.place_cpu_ms < 100
