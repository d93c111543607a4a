"""Envoy's rate limit service, whatever lane it came by: a request in, one outcome out.

When the store is away nobody knows whether a limit is over, and this says so (CountersUnavailable) instead of
guessing: Envoy has its own switch for that case, failure_mode_deny.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from ratelimit.decision import Decision
from sadd.envoy.asking import Limiter, ask
from sadd.envoy.conclusion import conclude
from sadd.envoy.plan import Modes, Plan, Planner
from sadd.envoy.request import CountersUnavailable, Descriptor, InvalidRequest, Outcome
from sadd.envoy.rules import Config
from sadd.envoy.stats import EnvoyStats, Tally

Answer = Outcome | CountersUnavailable
Done = Callable[[Answer], None]


class RateLimits:
    """Decides for all domains of one configuration. One for each worker."""

    def __init__(
        self,
        limiter: Limiter,
        modes: Modes | None = None,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._limiter = limiter
        self._modes = modes or Modes()
        self._now_ms = now_ms
        self._planner = Planner(self._modes)
        self._tally = Tally()
        self._config: Config | None = None

    @property
    def config(self) -> Config | None:
        """None until one was loaded: until then every request is refused."""
        return self._config

    def use(self, config: Config) -> None:
        """Decide by this one from now on. Counters go on where domain, keys and unit are the same."""
        self._config = config
        self._planner = Planner(self._modes)  # which kept what the old rules meant
        self._tally.config_load_success += 1

    def keep(self) -> None:
        """A new configuration was bad: the old one stays, and this is counted."""
        self._tally.config_load_error += 1

    def stats(self) -> EnvoyStats:
        return self._tally.stats()

    def ask(self, domain: str, descriptors: Sequence[Descriptor], hits_addend: int, done: Done) -> None:
        """Decide, and call ``done`` once: at once, or with the others of this event-loop tick.

        ``hits_addend`` 0 is 1, as a message without it. ``done`` gets CountersUnavailable (it is not raised)
        when the store is away. Raises InvalidRequest; ``done`` is then never called.
        """
        try:
            plan = self._planner.plan(self._config, domain, descriptors, hits_addend)
        except InvalidRequest:
            self._tally.service_error += 1
            raise
        if not plan.known:
            self._tally.domain_not_found += len(descriptors)
        ask(self._limiter, plan.counts, partial(self._answered, plan, done))

    async def decide(self, domain: str, descriptors: Sequence[Descriptor], hits_addend: int = 0) -> Outcome:
        """The same for who can wait. Raises InvalidRequest and CountersUnavailable."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.ask(domain, descriptors, hits_addend, partial(_settle, answer))
        told = await answer
        if isinstance(told, CountersUnavailable):
            raise told
        return told

    def _answered(self, plan: Plan, done: Done, decisions: list[Decision], taken: list[bool]) -> None:
        away, now_ms = False, 0
        for count, decision, is_in in zip(plan.counts, decisions, taken, strict=True):
            if decision.decided_by == "closed":  # what a policy of ours says when the store is away
                away = True
                continue
            self._tally.count(count, decision, taken=is_in)
            if not decision.reset_after_ms:  # a ban: only then is the time of day needed
                now_ms = self._now_ms()
        if away and not self._refused_anyway(plan, decisions):
            self._tally.store_error += 1
            done(CountersUnavailable("the store of the counters is away"))
            return
        outcome, shadowed = conclude(plan, decisions, self._modes, now_ms)
        if shadowed:
            self._tally.global_shadow_mode += 1
        done(outcome)

    def _refused_anyway(self, plan: Plan, decisions: list[Decision]) -> bool:
        """A ban, or a limit that this worker knows to be over, holds also while the store is away."""
        if self._modes.quota or self._modes.shadow:
            return False
        return any(
            not (decision.allowed or count.negative or decision.decided_by == "closed")
            and not (count.match.rule.shadow_mode or count.match.rule.quota_mode)
            for count, decision in zip(plan.counts, decisions, strict=True)
        )


def _settle(waiting: "asyncio.Future[Answer]", answer: Answer) -> None:
    if not waiting.done():  # who asked may be gone
        waiting.set_result(answer)
