"""Which outflow keeps a wait: the same day played with one outflow after another."""

import math
from dataclasses import dataclass, replace

from queueing.policy import ACTIVE_CAP_MAX, OUTFLOW_PER_MINUTE_MAX
from queueing.simulation.run import Plan, Played, play

TRIALS_MAX = 16
EXACT_SHARE = 0.01  # the answer is at most 1% more than the least outflow that suffices
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
    low, high = 0, _enough(plan)
    best = trials.play(high)
    while not trials.keeps(best) and high < OUTFLOW_PER_MINUTE_MAX and trials.count < TRIALS_MAX // 2:
        low, high = high, min(2 * high, OUTFLOW_PER_MINUTE_MAX)
        best = trials.play(high)
    if not trials.keeps(best):
        return Found(None, best.plan.room.active_cap, best, trials.count)
    low = max(low, _fluid_bound(plan, wait_s))
    while high - low > max(1, EXACT_SHARE * high) and trials.count < TRIALS_MAX:
        middle = (low + high) // 2
        played = trials.play(middle)
        if trials.keeps(played):
            high, best = middle, played
        else:
            low = middle
    return Found(high, best.plan.room.active_cap, best, trials.count)


class _Trials:
    def __init__(self, plan: Plan, wait_s: float, share: float, keep_cap: bool) -> None:
        self._plan, self._wait_s, self._share, self._keep_cap = plan, wait_s, share, keep_cap
        self.count = 0

    def play(self, per_minute: int) -> Played:
        self.count += 1
        room = self._plan.room
        cap = room.active_cap if self._keep_cap else slots_for(self._plan, per_minute)
        return play(
            replace(self._plan, room=replace(room, outflow_per_minute=per_minute, active_cap=cap)),
        )

    def keeps(self, played: Played) -> bool:
        return played.waits.percentile_s(self._share) <= self._wait_s


def slots_for(plan: Plan, per_minute: int) -> int:
    """Slots that those let in by an outflow take (Little's law), with some to spare."""
    crowd = plan.crowd
    stay_s = min(crowd.stay_s, plan.room.pass_ms / 1000)
    most_shows = max([crowd.show_rate, *(t.value for t in plan.troubles if t.kind == "shows")])
    inside = per_minute / 60 * most_shows * (stay_s + crowd.react_s)
    return min(ACTIVE_CAP_MAX, math.ceil(inside * SLOTS_SPARE) + 10)


def _enough(plan: Plan) -> int:
    """An outflow at which a level crowd would not wait; the first trial."""
    return min(OUTFLOW_PER_MINUTE_MAX, max(1, math.ceil(plan.crowd.count / plan.crowd.minutes)))


def _fluid_bound(plan: Plan, wait_s: float) -> int:
    """Below it even an unbroken outflow serves the half of the crowd too late: no trial is needed."""
    minutes = plan.crowd.minutes + wait_s / 60
    return max(0, math.floor(plan.crowd.count / 2 / minutes) - 1)
