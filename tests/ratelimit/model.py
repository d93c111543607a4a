"""A plain model of the limiter: fractions, one dictionary, no cleverness."""

from copy import deepcopy
from fractions import Fraction
from math import ceil, floor

from ratelimit.algorithm import Calendar, FixedWindow, Gcra, SlidingWindow
from ratelimit.calendar import bounds
from ratelimit.decision import Taken
from ratelimit.policy import Policy

SECOND_US = 1_000_000


class Model:
    """The generic cell rate algorithm as its definition says, with exact fractions of a microsecond."""

    def __init__(self, policy: Policy) -> None:
        self.interval = Fraction(policy.period_seconds * 1_000_000, policy.limit)
        self.burst = policy.burst
        self.arrivals: dict[str, Fraction] = {}

    def take(self, key: str, cost: int, now_us: int) -> Taken:
        now = Fraction(now_us)
        full = now + self.burst * self.interval
        tat = max(self.arrivals.get(key, now), now)
        wanted = tat + max(cost, 1) * self.interval
        allowed = wanted <= full
        retry_us = 0 if allowed else -1 if max(cost, 1) > self.burst else ceil(wanted - full)
        if allowed and cost:
            self.arrivals[key] = tat = wanted
        return int(allowed), floor((full - tat) / self.interval), ceil(tat - now), retry_us

    def give_back(self, key: str, units: int, now_us: int) -> Taken:
        now = Fraction(now_us)
        tat = min(max(self.arrivals.get(key, now), now), now + self.burst * self.interval)
        self.arrivals[key] = max(tat - units * self.interval, now)
        return (1, *self.take(key, 0, now_us)[1:3], 0)

    def take_all(self, keys: list[str], costs: list[int], now_us: int) -> list[Taken]:
        return [self.take(key, cost, now_us) for key, cost in zip(keys, costs, strict=True)]


class SlidingModel:
    """A log of what was taken in each tenth of a period; eleven tenths count."""

    def __init__(self, policy: Policy) -> None:
        self.limit = policy.limit
        self.tenth_us = policy.period_seconds * SECOND_US // 10
        self.taken: dict[str, dict[int, int]] = {}

    def take(self, key: str, cost: int, now_us: int) -> Taken:
        tenth = now_us // self.tenth_us
        log = self.taken.setdefault(key, {})
        wanted = max(cost, 1)
        retry_us = 0
        if wanted > self.limit:
            retry_us = -1
        elif self._counted(log, tenth) + wanted > self.limit:
            later = next(
                one for one in range(tenth, tenth + 12) if self._counted(log, one) + wanted <= self.limit
            )
            retry_us = later * self.tenth_us - now_us
        elif cost:
            log[tenth] = log.get(tenth, 0) + cost
        last = max((one for one, units in log.items() if units and one >= tenth - 10), default=None)
        reset_us = 0 if last is None else (last + 11) * self.tenth_us - now_us
        return int(retry_us == 0), self.limit - self._counted(log, tenth), reset_us, retry_us

    def give_back(self, key: str, units: int, now_us: int) -> Taken:
        tenth, log = now_us // self.tenth_us, self.taken.setdefault(key, {})
        for one in range(tenth - 10, tenth + 1):
            back = min(units, log.get(one, 0))
            log[one] = log.get(one, 0) - back
            units -= back
        return (1, *self.take(key, 0, now_us)[1:3], 0)

    def _counted(self, log: dict[int, int], tenth: int) -> int:
        return sum(units for one, units in log.items() if tenth - 10 <= one <= tenth)


class WindowModel:
    """What was taken in each window, fixed or of a calendar."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.taken: dict[tuple[str, int], int] = {}

    def take(self, key: str, cost: int, now_us: int) -> Taken:
        end = self._end(now_us)
        used, wanted, limit = self.taken.get((key, end), 0), max(cost, 1), self.policy.limit
        retry_us = -1 if wanted > limit else 0 if used + wanted <= limit else end * SECOND_US - now_us
        if retry_us == 0 and cost:
            used = self.taken[key, end] = used + cost
        return int(retry_us == 0), limit - used, end * SECOND_US - now_us if used else 0, retry_us

    def give_back(self, key: str, units: int, now_us: int) -> Taken:
        end = self._end(now_us)
        self.taken[key, end] = max(self.taken.get((key, end), 0) - units, 0)
        return (1, *self.take(key, 0, now_us)[1:3], 0)

    def _end(self, now_us: int) -> int:
        match self.policy.algorithm:
            case Calendar() as calendar:
                return bounds(calendar, now_us / SECOND_US)[1]
            case _:
                period = self.policy.period_seconds
                return (now_us // SECOND_US // period + 1) * period


Counter = Model | SlidingModel | WindowModel


def model_of(policy: Policy) -> Counter:
    match policy.algorithm:
        case Gcra():
            return Model(policy)
        case SlidingWindow():
            return SlidingModel(policy)
        case FixedWindow() | Calendar():
            return WindowModel(policy)
    raise ValueError(policy.id)


class TogetherModel:
    """All or nothing: take one after the other, and if one denies put everything back as it was."""

    def __init__(self, policies: list[Policy]) -> None:
        self.counters = {policy.id: model_of(policy) for policy in policies}

    def take(self, checks: list[tuple[Policy, str, int]], now_us: int) -> list[Taken]:
        before = deepcopy(self.counters)
        taken = [self.counters[policy.id].take(key, cost, now_us) for policy, key, cost in checks]
        denied = not all(allowed for allowed, *_ in taken)
        if denied:
            self.counters = before
        # The numbers are those after the whole request.
        after = [self.counters[policy.id].take(key, 0, now_us) for policy, key, _ in checks]
        return [(one[0], late[1], late[2], one[3]) for one, late in zip(taken, after, strict=True)]


class Admissions:
    """A separate reader of the log of admissions: how many units passed in the worst window."""

    def __init__(self) -> None:
        self.log: list[tuple[int, int]] = []

    def note(self, now_us: int, units: int) -> None:
        self.log.append((now_us, units))

    def worst(self, window_us: int) -> int:
        """The most units in any half-open window; one of the worst begins with an admission."""
        return max(
            (
                sum(units for at, units in self.log if start <= at < start + window_us)
                for start, _ in self.log
            ),
            default=0,
        )
