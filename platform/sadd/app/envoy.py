"""Envoy's rate limits in one worker, if a configuration is set: the service, and the files it follows."""

from dataclasses import dataclass, fields
from pathlib import Path

from ratelimit.limiter import Limiter
from sadd.envoy.plan import Modes
from sadd.envoy.service import RateLimits
from sadd.envoy.stats import RuleCounts
from sadd.envoy.watch import Watch
from sadd.settings import Envoy
from sadd.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class EnvoyLimits:
    """``service`` decides; ``watch`` keeps it at what the files say, as long as it runs."""

    service: RateLimits
    watch: Watch

    def show(self, metrics: Metrics) -> None:
        """Register what it counts, by rule."""
        by_rule = {field.name: "rule" for field in fields(RuleCounts)}
        metrics.register("sadd_envoy", self.service.stats, labels=by_rule)


async def open_envoy_limits(settings: Envoy, limiter: Limiter) -> EnvoyLimits | None:
    """None where no configuration is set. The files were read once; bad ones are logged, not raised."""
    if not settings.config_path:
        return None
    service = RateLimits(limiter, Modes.of(settings))
    watch = Watch(Path(settings.config_path), service, merge_domains=settings.merge_domains)
    await watch.look()
    return EnvoyLimits(service, watch)
