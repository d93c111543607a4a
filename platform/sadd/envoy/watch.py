"""Follows the files of a configuration: a change is in force within a second, a bad one changes nothing.

The files are looked at, not subscribed to: a ConfigMap changes by swapping a link two levels up, which a
subscription to the files themselves does not see.
"""

import asyncio
from pathlib import Path

import structlog

from sadd.envoy.config import ConfigError, read
from sadd.envoy.files import FilesError, Signature, signature
from sadd.envoy.rules import Config
from sadd.envoy.service import RateLimits

LOOK_PERIOD_SECONDS = 0.5
FAULTS_LOGGED_MAX = 20

_log = structlog.get_logger("sadd.envoy")


class Watch:
    """Keeps ``limits`` at what the files say. ``look`` once before serving, then ``run``."""

    def __init__(self, path: Path, limits: RateLimits, *, merge_domains: bool = False) -> None:
        self._path = path
        self._limits = limits
        self._merge_domains = merge_domains
        self._seen: Signature | str | None = None

    async def run(self, period_seconds: float = LOOK_PERIOD_SECONDS) -> None:
        """Look every period until cancelled."""
        while True:
            await asyncio.sleep(period_seconds)
            await self.look()

    async def look(self) -> None:
        """Take in the files if they changed since the last look. What is wrong with them is logged once."""
        seen = await asyncio.to_thread(_seen, self._path)
        if seen == self._seen:
            return
        try:
            config = await asyncio.to_thread(read, self._path, merge_domains=self._merge_domains)
        except ConfigError as error:
            self._keep(error)
        else:
            if await asyncio.to_thread(_seen, self._path) != seen:
                return  # they moved while we read, and are read again at the next look
            self._use(config)
        self._seen = seen

    def _use(self, config: Config) -> None:
        self._limits.use(config)
        rules = sum(1 for _ in config.rules())
        _log.info("rate limit configuration loaded", domains=len(config.domains), rules=rules)
        for notice in config.notices[:FAULTS_LOGGED_MAX]:
            _log.warning("in the rate limit configuration", notice=notice)

    def _keep(self, error: ConfigError) -> None:
        self._limits.keep()
        kept = "the last good one stays" if self._limits.config else "requests are refused until it is good"
        _log.error(
            "error loading new configuration",
            faults=list(error.faults[:FAULTS_LOGGED_MAX]),
            more=max(0, len(error.faults) - FAULTS_LOGGED_MAX),
            so=kept,
        )


def _seen(path: Path) -> Signature | str:
    """The signature, or why there is none: that is a state as well, which is told once."""
    try:
        return signature(path)
    except FilesError as error:
        return str(error)
