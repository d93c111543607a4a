"""One call, delivered: within its deadline, past the breaker, repeated where that is safe.

A call is repeated only when it cannot have happened yet (not a byte left, or the answer says "later"), or
when twice is the same as once. A check whose connection broke is neither: it may have taken its units, so it
is left to ``on_loss``.
"""

import random
from collections.abc import Callable

from sadd_client.answers import problem_in, retry_after_seconds
from sadd_client.breaker import Breaker
from sadd_client.clock import now
from sadd_client.errors import PlatformAway
from sadd_client.pool import Crowded, Pool
from sadd_client.ports import Io
from sadd_client.retry import ATTEMPTS_MAX, Budget, backoff_seconds
from sadd_client.wire import Answer, Request

HOLDS_MAX = 1_000
"""Paths and policies with a pause at once; the oldest is forgotten first."""
OF_ONE = (b"/being-loaded", b"/too-many-sessions")
"""Ends of the types of problems that one entry or one subject has, and not the platform."""


class Courier:
    """Of one platform. ``answer`` returns what is a success, and raises everything else."""

    def __init__(self, pool: Pool, io: Io, chance: Callable[[], float] = random.random) -> None:
        self._pool = pool
        self._io = io
        self._chance = chance
        self._budget = Budget()
        self._holds: dict[tuple[str, str], float] = {}
        self.breaker = Breaker()
        self.repeats = 0

    async def answer(self, request: Request, deadline: float) -> Answer:
        """PlatformAway, or the Problem that the platform has with this call."""
        self._budget.earn()
        attempt = 0
        while True:
            try:
                return self._judged(request, await self._attempt(request, deadline))
            except PlatformAway as away:
                wait = self._wait_seconds(request, away, attempt)
                if wait is None or now() + wait >= deadline or not self._budget.spend():
                    raise
            self.repeats += 1
            attempt += 1
            await self._io.pause(wait)

    async def _attempt(self, request: Request, deadline: float) -> Answer:
        if now() >= deadline:
            raise _Unasked("no time is left to ask")
        self._check_holds(request)
        if not self.breaker.admits(now()):
            pause = self.breaker.pause_seconds(now())
            raise _Unasked("the platform was away a moment ago", retry_after_seconds=pause)
        try:
            answer = await self._pool.exchange(request, deadline)
        except Crowded:
            raise
        except PlatformAway:
            self.breaker.failed(now(), self._chance())
            raise
        if answer.status >= 500 and retry_after_seconds(answer) is None:
            self.breaker.failed(now(), self._chance())
        else:  # a 503 that says when to come again is the word of a platform that is there
            self.breaker.answered()
        return answer

    def _judged(self, request: Request, answer: Answer) -> Answer:
        if answer.status in (408, 429) or answer.status >= 500:
            if any(slug in answer.body for slug in OF_ONE):  # and no reason to leave the rest alone
                raise problem_in(answer) or PlatformAway(f"no Sadd answers {answer.status} so", sent=True)
            after = retry_after_seconds(answer)
            if after is not None:
                self._hold(request, now() + after)
            raise PlatformAway(f"the platform says {answer.status}", sent=True, retry_after_seconds=after)
        if answer.status >= 300:
            raise problem_in(answer) or PlatformAway(f"no Sadd answers {answer.status} so", sent=True)
        return answer

    def _wait_seconds(self, request: Request, away: PlatformAway, attempt: int) -> float | None:
        """The pause before the call is repeated; None when it must not be."""
        said_later = away.retry_after_seconds is not None
        safe = request.repeatable or not away.sent or said_later
        if isinstance(away, _Unasked) or not safe or attempt + 1 >= ATTEMPTS_MAX:
            return None
        # Not before Retry-After, and spread behind it: who was sent away together comes back apart.
        return (away.retry_after_seconds or 0.0) + backoff_seconds(attempt, self._chance())

    def _check_holds(self, request: Request) -> None:
        until = self._holds.get((request.path, request.policy))
        if until is None:
            return
        if until > now():
            raise _Unasked("the platform said to come later", retry_after_seconds=until - now())
        self._holds.pop((request.path, request.policy), None)

    def _hold(self, request: Request, until: float) -> None:
        self._holds[request.path, request.policy] = until
        if len(self._holds) > HOLDS_MAX:
            self._holds.pop(next(iter(self._holds)), None)


class _Unasked(PlatformAway):
    """It is known beforehand, so nobody was asked; asking again at once would be no better."""
