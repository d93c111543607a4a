"""Rules on a real cluster: limits of one key lie in one slot, those of several are still all or nothing."""

from collections.abc import AsyncIterator

import pytest

from benchmarks.servers import ClusterNodes
from ratelimit.limiter import Limiter
from sadd.app.services import open_limiter, tag
from sadd.limits.asked import Asked
from sadd.limits.desk import Desk
from sadd.limits.leases import Leases
from sadd.limits.rule import Limit, Rule, Rules
from sadd.limits.rules import Book
from tests.sadd.limits.scene import DAY_SECONDS, RESULTS, Books, View, asked, rule
from tests.stores import connected

KEYS = 40
FIVE = Limit(5, period_seconds=DAY_SECONDS)
WIDE = Limit(1000, period_seconds=DAY_SECONDS)


@pytest.fixture
async def limiter(nodes: ClusterNodes) -> AsyncIterator[Limiter]:
    async with connected(nodes.url) as client:
        yield open_limiter(client, workers=1, clustered=True)


def desk(limiter: Limiter, *rules: Rule) -> Desk:
    return Desk(limiter, View(), Books(Book.of(Rules(1, rules), tag(clustered=True))))


async def left(at: Desk, policy: str, key: str) -> int:
    return (await at.decide(None, Asked(policy, key, cost=0))).decision.remaining


async def test_limits_of_one_key_are_all_or_nothing(limiter: Limiter) -> None:
    """Of every key, wherever it lies: the class and two rules."""
    at = desk(limiter, rule("narrow", limit=FIVE), rule("wide", limit=WIDE))
    questions = [asked(key=f"k{number}") for number in range(KEYS) for _ in range(8)]
    answers = await at.decide_many(None, questions)
    assert sum(answer.allowed for answer in answers) == 5 * KEYS
    for number in range(KEYS):
        assert await left(at, "rule.wide", f"k{number}") == 995


async def test_limits_of_several_keys_are_all_or_nothing(limiter: Limiter) -> None:
    """By citizen, by address and for all together: what one of them refuses none has lost."""
    rules = (rule("citizen", by=("citizen",), limit=FIVE), rule("all", by=(), limit=WIDE))
    at = desk(limiter, *rules)
    admitted = 0
    for turn in range(8):
        for number in range(10):
            who = {"citizen": f"c{number}"}
            answer = await at.decide(None, asked(key=f"d{turn}-{number}", descriptors=who))
            admitted += answer.allowed
    assert admitted == 5 * 10
    assert await left(at, "rule.all", "*") == 950


async def test_a_lease_is_taken_and_given_back(limiter: Limiter) -> None:
    """Of limits in several slots."""
    at = desk(limiter, rule("lent", by=("citizen",), limit=WIDE))
    leases = Leases(limiter, at)
    grant = await leases.lease(None, asked(key="lender", descriptors={"citizen": "x"}), 8)
    assert grant.granted == 8
    assert await leases.give_back(grant.id, 6) == 6
    assert await left(at, RESULTS, "lender") == 18
    assert await left(at, "rule.lent", "x") == 998


async def test_what_is_asked_by_its_id_is_the_same_counter(limiter: Limiter) -> None:
    """A rule's policy by itself and with the others."""
    at = desk(limiter, rule("same", limit=FIVE))
    await at.decide(None, asked(key="one"))
    assert await left(at, "rule.same", "one") == 4
