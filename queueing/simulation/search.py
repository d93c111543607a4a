"""Which outflow keeps a wait: the same day played with one outflow after another."""

import math
from dataclasses import dataclass, replace

import numpy as np

from queueing.policy import ACTIVE_CAP_MAX, OUTFLOW_PER_MINUTE_MAX
from queueing.simulation.run import Patience, Plan, Played, play
from queueing.simulation.shape import TICK_MS, TICKS_PER_MINUTE, arrivals

TRIALS_MAX = 16
EXACT_SHARE = 0.01  # the answer is at most 1% above an outflow that does not suffice
SLOTS_SPARE = 1.15  # of what those inside take on average: nobody is to wait for a slot


@dataclass(frozen=True, slots=True)
class Found:
    """``per_minute`` keeps the wait, ``played`` shows it; None: no outflow does with these slots."""

    per_minute: int | None
    active_cap: int
    played: Played
    trials: int


def outflow_for(plan: Plan, wait_s: float, share: float, *, keep_cap: bool) -> Found:
    """The least outflow with which ``share`` of the crowd wait ``wait_s`` at most.

    Unless ``keep_cap``, there are as many slots as those let in a minute take while they stay. Changes of the
    outflow in the plan are left out, for the outflow is what is asked.
    """
    plan = replace(plan, troubles=tuple(t for t in plan.troubles if t.kind != "outflow"))
    trials = _Trials(plan, wait_s, share, keep_cap)
    low, high, widening = 0, _bounded(1.01 * fluid_outflow(plan, wait_s, share)), 1.03
    best = trials.play(high)
    while not trials.keeps(best) and high < OUTFLOW_PER_MINUTE_MAX and trials.count < TRIALS_MAX // 2:
        low, high, widening = high, _bounded(high * widening), widening**3
        best = trials.play(high)
    if not trials.keeps(best):
        return Found(None, best.plan.room.active_cap, best, trials.count)
    low = low or int(high * 0.98)  # below what water needs, so no trial is
    while high - low > max(1, EXACT_SHARE * high) and trials.count < TRIALS_MAX:
        middle = (low + high) // 2
        played = trials.play(middle)
        if trials.keeps(played):
            high, best = middle, played
        else:
            low = middle
    return Found(high, best.plan.room.active_cap, best, trials.count)


def fluid_outflow(plan: Plan, wait_s: float, share: float) -> float:
    """The outflow that keeps the wait if people were water and nothing went wrong: where to look first.

    ``served(t) = min over s of came(s) + per_tick * (t - s)``, so one trial is a few passes over an array.
    """
    crowd = plan.crowd
    came = arrivals(crowd.points, crowd.count, crowd.minutes, np.random.default_rng(plan.seed))
    reached, ticks = np.cumsum(came), np.arange(len(came))
    low, high = 0.0, float(OUTFLOW_PER_MINUTE_MAX)
    while high - low > 0.001 * high:
        per_tick = (low + high) / 2 / TICKS_PER_MINUTE
        served = np.minimum.accumulate(reached - per_tick * ticks) + per_tick * ticks
        wait_ticks = (reached - np.minimum(served, reached)) / per_tick
        in_time = came[wait_ticks * TICK_MS <= wait_s * 1000].sum()
        low, high = (low, (low + high) / 2) if in_time >= share * crowd.count else ((low + high) / 2, high)
    return high


def _bounded(per_minute: float) -> int:
    return max(1, min(OUTFLOW_PER_MINUTE_MAX, math.ceil(per_minute)))


class _Trials:
    def __init__(self, plan: Plan, wait_s: float, share: float, keep_cap: bool) -> None:
        self._plan, self._keep_cap = plan, keep_cap
        self._patience = Patience(wait_s, share)
        self.count = 0

    def play(self, per_minute: int) -> Played:
        self.count += 1
        room = self._plan.room
        cap = room.active_cap if self._keep_cap else slots_for(self._plan, per_minute)
        room = replace(room, outflow_per_minute=per_minute, active_cap=cap)
        return play(replace(self._plan, room=room), self._patience)

    def keeps(self, played: Played) -> bool:
        """A run that was broken off has people in line."""
        patience = self._patience
        in_time = played.waits.percentile_s(patience.share) <= patience.wait_s
        return in_time and played.finished


def slots_for(plan: Plan, per_minute: int) -> int:
    """Slots that those let in by an outflow take (Little's law), with some to spare."""
    crowd = plan.crowd
    stay_s = min(crowd.stay_s, plan.room.pass_ms / 1000)
    most_shows = max([crowd.show_rate, *(t.value for t in plan.troubles if t.kind == "shows")])
    inside = per_minute / 60 * most_shows * (stay_s + crowd.react_s)
    return min(ACTIVE_CAP_MAX, math.ceil(inside * SLOTS_SPARE) + 10)
