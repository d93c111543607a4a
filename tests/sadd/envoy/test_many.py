"""Many requests at once, by several workers: on one node, and on a cluster that spreads their counters."""

import asyncio
from contextlib import AsyncExitStack

from benchmarks.servers import ClusterNodes
from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore
from sadd.envoy.request import Descriptor
from sadd.envoy.service import RateLimits
from tests.sadd.envoy.scene import OK, asked, config
from tests.stores import connected
from tests.waiting import eventually

TEXT = """
    domain: d
    descriptors:
      - {key: few, rate_limit: {unit: day, requests_per_unit: 20}}
      - {key: many, rate_limit: {unit: day, requests_per_unit: 1000}}
      - {key: user, rate_limit: {unit: day, requests_per_unit: 3}}
"""
WORKERS, SHARDS = 4, 16


async def workers(opened: AsyncExitStack, url: str, shards: int) -> list[RateLimits]:
    made: list[RateLimits] = []
    for _ in range(WORKERS):
        client = await opened.enter_async_context(connected(url))
        limits = RateLimits(Limiter(ValkeyStore(client, shards=shards)))
        limits.use(config(TEXT))
        made.append(limits)
    return made


async def admitted(url: str, shards: int) -> dict[str, int]:
    """Of 400 requests at once how many passed, by user. What was refused is in no counter, soon after."""
    async with AsyncExitStack() as opened:
        all_workers = await workers(opened, url, shards)

        async def one(number: int) -> str | None:
            user = f"u{number % 50}"
            request = [asked("few=x"), asked("many=x"), asked(f"user={user}")]
            outcome = await all_workers[number % WORKERS].decide("d", request)
            return user if outcome.overall is OK else None

        passed = [user for user in await asyncio.gather(*map(one, range(400))) if user]
        look = [Descriptor((("many", "x"),), 0)]

        async def none_refused_is_charged() -> bool:
            (status,) = (await all_workers[0].decide("d", look)).statuses
            return 1000 - status.limit_remaining == len(passed)

        await eventually(none_refused_is_charged)
    return {user: passed.count(user) for user in passed}


async def test_no_limit_is_exceeded_and_no_refusal_is_charged(valkey_url: str) -> None:
    """On one node: exactly the smallest limit passes, and the limit beside it has counted as many."""
    by_user = await admitted(valkey_url, 1)
    assert sum(by_user.values()) == 20
    assert max(by_user.values()) <= 3


async def test_the_same_on_a_cluster(nodes: ClusterNodes) -> None:
    """Where the counters lie in several slots, and are reserved before they are confirmed: never more pass.

    A few may be refused that would have passed, while another's reservation is on its way back.
    """
    by_user = await admitted(nodes.url, SHARDS)
    assert 0 < sum(by_user.values()) <= 20
    assert max(by_user.values()) <= 3
