"""Configurations as texts, requests as short words, and the service on a real store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from textwrap import dedent

from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore
from sadd.envoy.config import load
from sadd.envoy.files import Source
from sadd.envoy.plan import Modes
from sadd.envoy.request import Code, Descriptor, Outcome
from sadd.envoy.rules import Config
from sadd.envoy.service import RateLimits
from tests.stores import connected

OK, OVER = Code.OK, Code.OVER_LIMIT


def config(*texts: str) -> Config:
    return load([Source(f"{n}.yaml", dedent(text)) for n, text in enumerate(texts)])


def asked(*entries: str, hits: int | None = None, back: bool = False) -> Descriptor:
    """A descriptor of ``key=value`` words."""
    pairs = tuple((key, value) for key, _, value in (entry.partition("=") for entry in entries))
    return Descriptor(pairs, hits, None, back)


@asynccontextmanager
async def service(
    url: str, *texts: str, modes: Modes | None = None, deadline_ms: int = 2_000
) -> AsyncIterator[RateLimits]:
    async with connected(url, deadline_ms=deadline_ms) as client:
        limits = RateLimits(Limiter(ValkeyStore(client)), modes)
        if texts:
            limits.use(config(*texts))
        yield limits


def codes(outcome: Outcome) -> list[Code]:
    return [status.code for status in outcome.statuses]
