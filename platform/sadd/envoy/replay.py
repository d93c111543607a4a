"""What a new configuration would have decided: a log of requests, played under the old one and the new one.

The clock is the log's. The counters are kept here, by the same windows and the same all or nothing as the
engine's, so nothing is asked of a store and the answer is the same each time.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ratelimit.decision import Decision
from sadd.envoy.conclusion import conclude
from sadd.envoy.plan import Count, Modes, Planner
from sadd.envoy.protojson import Asked, asked
from sadd.envoy.request import InvalidRequest, Outcome
from sadd.envoy.rules import Config

COUNTERS_MAX = 1_000_000
"""Counters kept while playing, for each of the two."""


class BadLine(ValueError):
    """A line of the log is no request; the message is ``line <n>: <why>``."""


@dataclass(frozen=True, slots=True)
class Played:
    """A request of the log, and what it got under each configuration. An error is a text."""

    line: int
    time_ms: int
    asked: Asked
    old: Outcome | str
    new: Outcome | str

    @property
    def changed(self) -> bool:
        return verdict(self.old) != verdict(self.new)


def verdict(outcome: Outcome | str) -> str:
    """The code's name, or the error."""
    return outcome if isinstance(outcome, str) else outcome.overall.name


def replay(lines: Iterable[str], old: Config, new: Config, modes: Modes) -> Iterator[Played]:
    """Each request of the log in turn. Empty lines are passed over. Raises BadLine."""
    before, after = _Player(old, modes), _Player(new, modes)
    for number, line in enumerate(lines, 1):
        if line.strip():
            time_ms, request = _read(number, line)
            yield Played(
                number, time_ms, request, before.decide(request, time_ms), after.decide(request, time_ms)
            )


def _read(number: int, line: str) -> tuple[int, Asked]:
    """``{"time": …}`` and the fields of a RateLimitRequest."""
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict) or "time" not in fields:
            raise ValueError('a request has "time", "domain" and "descriptors"')
        return _time_ms(fields.pop("time")), asked(fields)
    except json.JSONDecodeError as error:  # its "line 1" is a line of the line
        what = error.msg.removesuffix(" at")
        raise BadLine(f"line {number}: no JSON: {what} at character {error.pos + 1}") from None
    except RecursionError:
        raise BadLine(f"line {number}: nested too deeply") from None
    except ValueError as error:
        raise BadLine(f"line {number}: {error}") from None


def _time_ms(value: Any) -> int:
    """Seconds since 1970, or a text such as 2026-11-24T10:00:00Z."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**33:
        return int(value * 1000)
    if isinstance(value, str):
        with suppress(ValueError):
            when = datetime.fromisoformat(value)
            return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    raise ValueError(f"{value!r} is no time: seconds since 1970, or 2026-11-24T10:00:00Z")


class _Player:
    """One configuration with counters of its own."""

    def __init__(self, config: Config, modes: Modes) -> None:
        self._config = config
        self._modes = modes
        self._planner = Planner(modes)
        self._counters = Counters()

    def decide(self, request: Asked, now_ms: int) -> Outcome | str:
        try:
            plan = self._planner.plan(self._config, request.domain, request.descriptors, request.hits_addend)
        except InvalidRequest as error:
            return str(error)
        decisions = self._counters.ask(plan.counts, now_ms)
        return conclude(plan, decisions, self._modes, now_ms)[0]


class Counters:
    """Fixed windows in memory: of each counter when its window ends (ms since 1970), and what was taken."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str], tuple[int, int]] = {}

    def ask(self, counts: Sequence[Count], now_ms: int) -> list[Decision]:
        """As ``asking`` does it on the engine; answers in order."""
        self._make_room(now_ms)
        together = [count for count in counts if not count.by_itself]
        decisions = dict(zip(map(id, together), self._all_or_nothing(together, now_ms), strict=True))
        for count in counts:
            if count.by_itself:
                decisions[id(count)] = self._alone(count, now_ms)
        answers = [decisions[id(count)] for count in counts]
        for count, decision in zip(counts, answers, strict=True):
            if 0 < decision.remaining < count.cost and not decision.allowed:
                self._use_up(count, decision.remaining, now_ms)
        return answers

    def _all_or_nothing(self, counts: Sequence[Count], now_ms: int) -> list[Decision]:
        before = {(count.policy.id, count.key): self._left(count, now_ms) for count in counts}
        after = dict(before)
        fits: list[bool] = []
        for count in counts:  # one counter may be asked twice
            key = count.policy.id, count.key
            fits.append(_fits(count, after[key]))
            after[key] -= count.cost if fits[-1] else 0
        if all(fits):
            for count in counts:
                self._take(count, count.cost, now_ms)
        told = after if all(fits) else before
        return [
            self._decision(count, fit, told[count.policy.id, count.key], now_ms)
            for count, fit in zip(counts, fits, strict=True)
        ]

    def _alone(self, count: Count, now_ms: int) -> Decision:
        left = self._left(count, now_ms)
        if count.negative:
            taken, fits = -min(count.cost, count.policy.limit - left), True
        else:
            fits = _fits(count, left)
            taken = count.cost if fits else 0
        self._take(count, taken, now_ms)
        return self._decision(count, fits, left - taken, now_ms)

    def _use_up(self, count: Count, units: int, now_ms: int) -> None:
        if units <= self._left(count, now_ms):
            self._take(count, units, now_ms)

    def _left(self, count: Count, now_ms: int) -> int:
        end_ms, used = self._used.get((count.policy.id, count.key), (0, 0))
        return max(0, count.policy.limit - (used if end_ms == _end_ms(count, now_ms) else 0))

    def _take(self, count: Count, units: int, now_ms: int) -> None:
        if units:
            key, ends_ms = (count.policy.id, count.key), _end_ms(count, now_ms)
            end_ms, used = self._used.get(key, (0, 0))
            self._used[key] = ends_ms, units + (used if end_ms == ends_ms else 0)

    def _decision(self, count: Count, allowed: bool, left: int, now_ms: int) -> Decision:
        reset_ms = _end_ms(count, now_ms) - now_ms
        return Decision(allowed, count.policy.id, count.policy.limit, left, reset_ms, None, "store")

    def _make_room(self, now_ms: int) -> None:
        """Drop the windows that have ended; if that is not enough, the half that began to count first."""
        if len(self._used) < COUNTERS_MAX:
            return
        self._used = {key: held for key, held in self._used.items() if held[0] > now_ms}
        if len(self._used) > COUNTERS_MAX // 2:
            self._used = dict(islice(self._used.items(), COUNTERS_MAX // 2, None))


def _fits(count: Count, left: int) -> bool:
    return max(1, count.cost) <= left


def _end_ms(count: Count, now_ms: int) -> int:
    """When the counter's window ends."""
    window_ms = count.policy.period_seconds * 1000
    return now_ms - now_ms % window_ms + window_ms
