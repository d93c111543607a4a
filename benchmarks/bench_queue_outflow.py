"""How evenly a room lets in, and how busy it keeps its origin: the platform's controller on a fast clock."""

from benchmarks.bench_queue_goals import LetIn
from queueing.policy import Room
from queueing.simulation.crowd import Crowd
from queueing.simulation.run import Plan, Played, play
from queueing.simulation.shape import points_of

PER_MINUTE = 1_200
CAP = 5_000
SHOW_RATE = 0.7


def let_in(seed: int) -> LetIn:
    """Two runs of an opening whose crowd suffices for the better part of an hour.

    In the first the outflow is the bound, in the second the slots are, while three of ten never come.
    """
    even = _play(PER_MINUTE, 100_000, 1.0, 60_000, seed).summary
    busy = _play(10 * PER_MINUTE, CAP, SHOW_RATE, 150_000, seed).summary
    assert even.outflow_least is not None
    assert even.outflow_most is not None
    assert busy.busy_share is not None
    over = max(run.active_max - run.active_cap for run in (even, busy))
    return LetIn(even.outflow_least, even.outflow_most, busy.busy_share, max(over, 0))


def _play(per_minute: int, cap: int, show_rate: float, crowd_of: int, seed: int) -> Played:
    room = Room("bench", per_minute, cap, 120_000, 600_000)
    crowd = Crowd(crowd_of, 60, points_of("opening"), show_rate=show_rate)
    return play(Plan(room, crowd, seed=seed))
