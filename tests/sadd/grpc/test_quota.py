"""Quota lent to Envoy: never more than the limit, whatever it uses when, and what is answered otherwise."""

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from typing import Any

import grpc
import grpc.aio
import pytest
from envoy.service.rate_limit_quota.v3 import rlqs_pb2 as rlqs

from ratelimit.holdings import ValkeyHoldings
from ratelimit.limiter import Limiter
from ratelimit.valkey import ValkeyStore
from sadd.grpc.messages import RateLimitQuotaUsageReports
from sadd.grpc.quota import BUCKETS_MAX, METHOD, Quotas, QuotaStream
from sadd.grpc.quota_serving import serving_quotas
from sadd.limits.desk import Desk
from sadd.limits.leases import Leases
from sadd.limits.rule import Rule, Rules
from sadd.limits.rules import Book
from tests.sadd.limits.scene import RESULTS, Books, View, rule
from tests.stores import StoppableValkey, connected, stoppable_valkey

Opened = Callable[[Quotas], QuotaStream]
AT_ONCE = 20
"""Of the class of RESULTS, by the scene; nothing comes back within a test."""


class Envoy:
    """What the filter does with one bucket: spends what it was assigned last, and reports what it spent."""

    def __init__(self, stream: QuotaStream, **bucket: str) -> None:
        self._stream = stream
        self.bucket = {"policy": RESULTS, "key": "app", **bucket}
        self.tokens = self.used = self._reported = self.admitted = 0
        self.denied = 0

    def spend(self, many: int) -> None:
        taken = min(many, self.tokens)
        self.tokens -= taken
        self.used += taken
        self.admitted += taken
        self.denied += many - taken

    async def report(self, seconds: float = 5.0, late: int = 0) -> Any:
        """``late`` are requests between the report and the answer to it."""
        sent = report(self.bucket, self.used, self.denied, seconds)
        self.used = self.denied = 0
        answer = await self._stream.told(sent)
        self.spend(late)
        for action in answer.bucket_action:
            strategy = action.quota_assignment_action.rate_limit_strategy
            self.tokens = strategy.token_bucket.max_tokens
        return answer


def report(bucket: Mapping[str, str], allowed: int, denied: int, seconds: float, domain: str = "d") -> Any:
    sent = RateLimitQuotaUsageReports(domain=domain)
    usage = sent.bucket_quota_usages.add(num_requests_allowed=allowed, num_requests_denied=denied)
    usage.bucket_id.bucket.update(bucket)
    usage.time_elapsed.FromMilliseconds(round(seconds * 1000))
    return sent


def lending(client: Any, *rules: Rule) -> Quotas:
    limiter = Limiter(ValkeyStore(client), holdings=ValkeyHoldings(client))
    return Quotas(Leases(limiter, Desk(limiter, View(), Books(Book.of(Rules(1, rules))))))


@pytest.fixture
async def client(valkey_url: str) -> AsyncIterator[Any]:
    async with connected(valkey_url) as opened:
        yield opened


@pytest.fixture
async def quotas(client: Any) -> Quotas:
    return lending(client)


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    """Streams of proxies that stay until the test ends."""
    with ExitStack() as stack:
        yield lambda quotas: stack.enter_context(quotas.stream())


@pytest.fixture
async def stream(quotas: Quotas, opened: Opened) -> QuotaStream:
    return opened(quotas)


async def test_a_first_report_is_answered_with_a_lease(stream: QuotaStream, quotas: Quotas) -> None:
    """All its tokens at once, none after them while it lasts, and it ends before the lease does."""
    answer = await Envoy(stream).report()
    (action,) = answer.bucket_action
    assignment = action.quota_assignment_action
    tokens = assignment.rate_limit_strategy.token_bucket
    assert dict(action.bucket_id.bucket) == {"policy": RESULTS, "key": "app"}
    assert 0 < tokens.max_tokens <= AT_ONCE
    assert 0 < assignment.assignment_time_to_live.ToSeconds() < 9
    assert tokens.fill_interval.ToSeconds() > 9
    assert (quotas.stats().streams, quotas.stats().buckets, quotas.stats().assigned) == (1, 1, 1)


async def test_each_assignment_is_another(stream: QuotaStream) -> None:
    """Of one that is like the last, Envoy would not take the tokens."""
    envoy = Envoy(stream)
    first, second = await envoy.report(), await envoy.report()
    strategies = [answer.bucket_action[0].quota_assignment_action for answer in (first, second)]
    assert strategies[0].rate_limit_strategy != strategies[1].rate_limit_strategy


@pytest.mark.parametrize("seed", range(12))
async def test_never_more_than_the_limit(client: Any, seed: int, opened: Opened) -> None:
    """Three proxies with one key, which spend before, after and while their reports are answered."""
    chance, quotas = random.Random(seed), lending(client)
    proxies = [Envoy(opened(quotas), key=f"app-{seed}") for _ in range(3)]
    for _ in range(40):
        envoy = chance.choice(proxies)
        envoy.spend(chance.choice((0, 0, 1, 3, 50)))
        await envoy.report(chance.uniform(0, 6), late=chance.choice((0, 0, 1, 9)))
        assert sum(one.admitted for one in proxies) <= AT_ONCE
    assert sum(one.admitted for one in proxies) > 0


async def test_what_was_not_used_comes_back(stream: QuotaStream, quotas: Quotas, opened: Opened) -> None:
    """After the second report that did not use it: another proxy has it then."""
    idle, busy = Envoy(stream), Envoy(opened(quotas))
    for _ in range(6):
        await idle.report()
    for _ in range(12):
        await busy.report(late=0)
        busy.spend(AT_ONCE)
    assert busy.admitted >= AT_ONCE / 2


async def test_with_nothing_left(stream: QuotaStream, quotas: Quotas, opened: Opened) -> None:
    """Everything is denied for a while; who still has some of the last lease keeps that."""
    envoy, other = Envoy(stream), Envoy(opened(quotas))
    for _ in range(20):
        await envoy.report()
        envoy.spend(AT_ONCE)
    await other.report()
    (action,) = (await other.report()).bucket_action
    assignment = action.quota_assignment_action
    assert assignment.rate_limit_strategy.blanket_rule == 1
    assert not assignment.rate_limit_strategy.HasField("token_bucket")
    assert 0 < assignment.assignment_time_to_live.ToSeconds() <= 30
    assert quotas.stats().denied > 0


async def test_where_nothing_counts_all_may_pass(client: Any, opened: Opened) -> None:
    """A rule that lifts the limits."""
    quotas = lending(client, rule("free", effect="allow"))
    (action,) = (await Envoy(opened(quotas)).report()).bucket_action
    assert action.quota_assignment_action.rate_limit_strategy.WhichOneof("strategy") == "blanket_rule"
    assert action.quota_assignment_action.rate_limit_strategy.blanket_rule == 0


@pytest.mark.parametrize(
    "bucket", [{"policy": "no-such-service"}, {"key": "k" * 600}, {"policy": RESULTS, "nonsense": "x"}]
)
async def test_a_bucket_that_is_none(stream: QuotaStream, quotas: Quotas, bucket: dict[str, str]) -> None:
    """Is given up, and Envoy asks anew when it is used again."""
    (action,) = (await Envoy(stream, **bucket).report()).bucket_action
    assert action.HasField("abandon_action")
    assert quotas.stats().abandoned == 1


async def test_the_domain_is_the_policy_of_a_bucket_without_one(stream: QuotaStream) -> None:
    """Said once, with the first report of a stream."""
    await stream.told(report({"key": "a"}, 0, 1, 0, domain=RESULTS))
    (action,) = (await stream.told(report({"key": "b"}, 0, 1, 0, domain=""))).bucket_action
    assert action.quota_assignment_action.rate_limit_strategy.token_bucket.max_tokens > 0


async def test_a_flood_of_buckets_is_bounded(stream: QuotaStream, quotas: Quotas) -> None:
    """One more than there may be is given up."""
    for number in range(BUCKETS_MAX):
        stream._bucket({"key": f"{number}"})
    (action,) = (await Envoy(stream, key="one more").report()).bucket_action
    assert action.HasField("quota_assignment_action"), "those that nothing was lent to make room"
    assert quotas.stats().buckets == 1


async def test_without_a_store(tmp_path_factory: pytest.TempPathFactory, opened: Opened) -> None:
    """Nothing is lent: a limit that is shut without it denies, and what was lent runs out by itself."""
    own: StoppableValkey
    with stoppable_valkey(tmp_path_factory.mktemp("valkey")) as own:
        async with connected(own.url, deadline_ms=200) as client:
            envoy = Envoy(opened(lending(client)))
            await envoy.report()
            had = envoy.tokens
            assert had > 0
            own.stop()
            assert not (await envoy.report()).bucket_action
            assert envoy.tokens == had
            envoy.spend(had)
            for action in (await envoy.report()).bucket_action:
                assert action.quota_assignment_action.rate_limit_strategy.blanket_rule == 1


async def test_over_the_wire(quotas: Quotas) -> None:
    """By gRPC's own client; a report without a domain is refused, and a stream that ends is forgotten."""
    async with (
        serving_quotas(quotas, "127.0.0.1", 0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to,
    ):
        ask = to.stream_stream(
            METHOD, RateLimitQuotaUsageReports.SerializeToString, rlqs.RateLimitQuotaResponse.FromString
        )
        call = ask()
        await call.write(report({"policy": RESULTS, "key": "k"}, 0, 1, 0))
        answer = await call.read()
        assert answer.bucket_action[0].quota_assignment_action.rate_limit_strategy.token_bucket.max_tokens > 0
        assert quotas.stats().streams == 1
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert quotas.stats().streams == 0

        wrong = ask()
        await wrong.write(RateLimitQuotaUsageReports())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await wrong.read()
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
