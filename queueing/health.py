"""How much of its outflow a room may use while the origin is unwell: AIMD.

What the gate sees of the origin, or what the origin tells by feedback, comes as totals of an interval. A
bad interval takes 30% of the outflow, at most once in ``REACTION_MS``, since those already let in go on to
load the origin that long; each good second gives 2% back. Chiu and Jain (1989) show why increase is added
and decrease multiplied: several rooms on one origin then share it evenly.
"""

import math
from dataclasses import dataclass

FACTOR_MIN = 0.05  # some are always let in: without them nobody would learn that the origin is well again
DECREASE = 0.7
INCREASE_PER_SECOND = 0.02  # from the least to all of it in 48 s
REACTION_MS = 5_000
SAMPLE_MIN = 20  # answers; one failure of three says nothing
NEWS_MS_MAX = 30_000  # as long a silence changes nothing; a longer one is taken for good news

FAILED_SHARE_MAX = 0.05
LATENCY_FACTOR_MAX = 2.0  # above the usual one
LATENCY_SLACK_MS = 50.0  # 2 ms instead of 1 are no trouble
USUAL_MEMORY_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Health:
    """What became of the requests of the last interval, and their mean latency."""

    ok: int
    failed: int
    latency_ms: float


class Vigour:
    """The share of the outflow, from ``FACTOR_MIN`` to 1, that the origin bears by what was heard of it."""

    __slots__ = (
        "_bad_ms",
        "_failed",
        "_good_ms",
        "_heard_ms",
        "_latency_sum",
        "_ok",
        "_stepped_ms",
        "factor",
        "usual_ms",
    )

    def __init__(self, factor: float = 1.0, usual_ms: float = 0.0) -> None:
        """``usual_ms`` is the latency of good times, 0 while unknown."""
        self.factor = min(max(factor, FACTOR_MIN), 1.0)
        self.usual_ms = usual_ms
        self._ok = self._failed = 0
        self._latency_sum = 0.0
        self._bad_ms: int | None = None
        self._good_ms: int | None = None
        self._heard_ms: int | None = None
        self._stepped_ms: int | None = None

    def step(self, heard: Health | None, now_ms: int) -> float:
        """The factor from now on. Intervals with few answers are taken together until they say something."""
        elapsed_s = self._elapsed_s(now_ms)
        if heard is not None:
            self._ok += heard.ok
            self._failed += heard.failed
            self._latency_sum += heard.latency_ms * (heard.ok + heard.failed)
        if self._ok + self._failed >= SAMPLE_MIN:
            self._judge(now_ms)
        if self._may_rise(now_ms):
            self.factor = min(1.0, self.factor + INCREASE_PER_SECOND * elapsed_s)
        return self.factor

    def _elapsed_s(self, now_ms: int) -> float:
        before, self._stepped_ms = self._stepped_ms, now_ms
        self._heard_ms = now_ms if self._heard_ms is None else self._heard_ms
        return 0.0 if before is None else min(max(now_ms - before, 0), 1_000) / 1000

    def _judge(self, now_ms: int) -> None:
        answers = self._ok + self._failed
        failed_share, latency_ms = self._failed / answers, self._latency_sum / answers
        since_s = (now_ms - (self._heard_ms or now_ms)) / 1000
        self._ok = self._failed = 0
        self._latency_sum = 0.0
        self._heard_ms = now_ms
        if failed_share > FAILED_SHARE_MAX or self._is_slow(latency_ms):
            if self._bad_ms is None or now_ms - self._bad_ms >= REACTION_MS:
                self.factor = max(FACTOR_MIN, self.factor * DECREASE)
                self._bad_ms = now_ms
        else:
            self._good_ms = now_ms
            self._learn(latency_ms, since_s)

    def _is_slow(self, latency_ms: float) -> bool:
        if not self.usual_ms:
            return False
        return latency_ms > self.usual_ms * LATENCY_FACTOR_MAX + LATENCY_SLACK_MS

    def _learn(self, latency_ms: float, since_s: float) -> None:
        """A lower latency is the usual one at once; a higher one slowly, or dying would be usual too."""
        if not self.usual_ms or latency_ms < self.usual_ms:
            self.usual_ms = latency_ms
        else:
            self.usual_ms += (latency_ms - self.usual_ms) * (1 - math.exp(-since_s / USUAL_MEMORY_S))

    def _may_rise(self, now_ms: int) -> bool:
        calm = self._bad_ms is None or now_ms - self._bad_ms >= REACTION_MS
        heard = self._good_ms is not None and now_ms - self._good_ms <= REACTION_MS
        silent = self._heard_ms is not None and now_ms - self._heard_ms > NEWS_MS_MAX
        return calm and (heard or silent)
