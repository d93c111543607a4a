"""Envoy's rate limit quota service (RLQS): quota lent to a proxy, which spends it without asking.

::

    Envoy  ── report: bucket, allowed, denied ──▶  lease of the limits that hold for the bucket
           ◀── assignment: so many tokens, for so long ──
           ... spends them by itself, and reports again (Envoy 1.40: after five seconds) ...

An assignment is a lease as ``POST /v1/limits/leases`` grants it, by the same function: its units are taken
when it is granted, and end for Envoy before they do in the counter. Envoy replaces what it has by what comes,
and does not say how much of it was left; so a lease is given back only when two reports have come, and less
all that both of them used. Over-admission is zero by construction, whatever dies.

The bucket names what is asked: ``policy`` (a service's id, or a rule's; without it the stream's domain),
``key``, ``route``, and all else are descriptors (``app``, ``citizen``, ``ip``, ``header:…``).

Source: envoyproxy/data-plane-api, ``envoy/service/rate_limit_quota/v3/rlqs.proto`` (work in progress there).
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from ratelimit.lending import UNITS_MAX
from ratelimit.store import StoreUnavailable
from sadd.grpc.messages import RateLimitQuotaResponse
from sadd.limits.asked import Asked, UnknownService
from sadd.limits.leases import NONE, Grant

METHOD = "/envoy.service.rate_limit_quota.v3.RateLimitQuotaService/StreamRateLimitQuotas"
REPORT_SECONDS = 5.0
"""Envoy 1.40 reports so often, whatever its bucket's ``reporting_interval`` says."""
AHEAD = 1.5
"""Of what was asked for in one interval: a rate that grows by half until the next report is served."""
FIRST_TOKENS = 10
MARGIN_MS = 1_000
"""For the way to Envoy, which counts from when it hears of it."""
DENIED_MS = 30_000
BUCKETS_MAX = 10_000
"""Of one stream. Envoy reports each bucket for itself, so a flood of keys is a flood of buckets."""
TEXT_MAX = 512

BucketId = frozenset[tuple[str, str]]


class Leases(Protocol):
    """What is asked of the limits."""

    async def lease(self, agency: str | None, asked: Asked, tokens: int) -> Grant: ...

    async def give_back(self, lease_id: str, unused: int) -> int: ...


@dataclass(slots=True)
class _Lent:
    grant: Grant
    until: float
    used: int = 0


@dataclass(slots=True)
class _Bucket:
    """``lent`` are the leases that Envoy may have used since its last report: the last two."""

    asked: Asked
    lent: list[_Lent] = field(default_factory=list)
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class QuotaStats:
    streams: int
    """That are open; a gauge."""
    buckets: int
    """Of them all; a gauge."""
    assigned: int
    """Assignments that were sent."""
    denied: int
    """Of them, those that deny everything."""
    abandoned: int
    """Buckets that no limit is known for, or that were too many."""


class Quotas:
    """All streams of one worker. ``clock`` is in seconds and goes on evenly."""

    def __init__(self, leases: Leases, clock: Callable[[], float] = time.monotonic) -> None:
        self._leases = leases
        self._clock = clock
        self._streams: set[QuotaStream] = set()
        self._counts: Counter[str] = Counter()

    @contextmanager
    def stream(self) -> Iterator["QuotaStream"]:
        """Of one proxy. Its leases lapse at the end: nobody knows what it still uses of them."""
        opened = QuotaStream(self._leases, self._clock, self._counts)
        self._streams.add(opened)
        try:
            yield opened
        finally:
            self._streams.discard(opened)

    def stats(self) -> QuotaStats:
        buckets = sum(len(stream.buckets) for stream in self._streams)
        counted = (self._counts[name] for name in ("assigned", "denied", "abandoned"))
        return QuotaStats(len(self._streams), buckets, *counted)


class QuotaStream:
    """One proxy's domain and buckets."""

    def __init__(self, leases: Leases, clock: Callable[[], float], counts: Counter[str]) -> None:
        self._leases = leases
        self._clock = clock
        self._counts = counts
        self._domain = ""
        self._serial = 0
        self.buckets: dict[BucketId, _Bucket] = {}

    async def told(self, report: Any) -> Any:
        """What a report is answered with. Raises ValueError for one without a domain or buckets."""
        self._domain = self._domain or report.domain
        if not self._domain or not report.bucket_quota_usages:
            raise ValueError("a report names its domain at first, and has buckets")
        self._forget()
        response = RateLimitQuotaResponse()
        for usage in report.bucket_quota_usages:
            action = await self._action(usage)
            if action is not None:
                action(response.bucket_action.add(bucket_id=usage.bucket_id))
        return response

    async def _action(self, usage: Any) -> "Callable[[Any], None] | None":
        """What is written of the bucket; None leaves Envoy with what it has."""
        bucket = self._bucket(usage.bucket_id.bucket)
        if bucket is None:
            self._counts["abandoned"] += 1
            return _abandon
        allowed, denied = int(usage.num_requests_allowed), int(usage.num_requests_denied)
        began = self._clock()
        try:
            await self._settle(bucket, allowed)
            grant = await self._leases.lease(None, bucket.asked, _wanted(usage, allowed + denied))
        except (UnknownService, ValueError):
            self._counts["abandoned"] += 1
            return _abandon
        ends_ms = grant.expires_in_ms - MARGIN_MS - round((self._clock() - began) * 1000)
        if grant.granted and ends_ms > 0:
            self._counts["assigned"] += 1
            bucket.until = began + grant.expires_in_ms / 1000
            bucket.lent.append(_Lent(grant, bucket.until))
            self._serial += 1
            return _lends(grant, ends_ms, self._serial)
        if grant.decision.fallback == "open" or _has_some(bucket, began):
            return None  # away: Envoy's own way counts once it ran out; or it may go on with what is left
        self._counts["denied"] += 1
        bucket.until = began + DENIED_MS / 1000
        return _denies(min(grant.decision.retry_after_ms or DENIED_MS, DENIED_MS))

    async def _settle(self, bucket: _Bucket, used: int) -> None:
        """A report says what was used of the last two leases together, so it counts against each of them."""
        for lent in bucket.lent:
            lent.used += used
        while len(bucket.lent) > 1:
            before = bucket.lent.pop(0)
            unused = before.grant.granted - before.used
            if before.grant.id != NONE and unused > 0 and self._clock() < before.until:
                with suppress(StoreUnavailable):  # it lapses by itself
                    await self._leases.give_back(before.grant.id, unused)

    def _bucket(self, named: Mapping[str, str]) -> _Bucket | None:
        """None: one too many, or a text too long."""
        if any(len(text) > TEXT_MAX for pair in named.items() for text in pair):
            return None
        name = frozenset(named.items())
        found = self.buckets.get(name)
        if found is None and len(self.buckets) < BUCKETS_MAX:
            rest = dict(named)
            policy, key, route = (rest.pop(word, "") for word in ("policy", "key", "route"))
            found = self.buckets[name] = _Bucket(Asked(policy or self._domain, key, route, rest))
        return found

    def _forget(self) -> None:
        """Buckets that nothing is lent to any more. Looked for when there are many."""
        if len(self.buckets) > BUCKETS_MAX // 2:
            now = self._clock()
            self.buckets = {name: one for name, one in self.buckets.items() if one.until > now}


def _wanted(usage: Any, requests: int) -> int:
    seconds: float = usage.time_elapsed.ToMilliseconds() / 1000
    if seconds <= 0:  # the first report, of one request
        return min(max(requests, FIRST_TOKENS), UNITS_MAX)
    coming = requests * REPORT_SECONDS / seconds
    return min(max(math.ceil(coming * AHEAD), 1), UNITS_MAX)


def _has_some(bucket: _Bucket, now: float) -> bool:
    return any(lent.until > now and lent.used < lent.grant.granted for lent in bucket.lent)


def _abandon(action: Any) -> None:
    action.abandon_action.SetInParent()


def _denies(for_ms: int) -> "Callable[[Any], None]":
    def write(action: Any) -> None:
        assignment = action.quota_assignment_action
        assignment.assignment_time_to_live.FromMilliseconds(for_ms)
        assignment.rate_limit_strategy.blanket_rule = 1  # DENY_ALL

    return write


def _lends(grant: Grant, for_ms: int, serial: int) -> "Callable[[Any], None]":
    """All tokens at once, and none after them while the assignment lasts.

    Envoy goes on with the bucket that it has if the same comes again: the serial makes each one another.
    """

    def write(action: Any) -> None:
        assignment = action.quota_assignment_action
        assignment.assignment_time_to_live.FromMilliseconds(for_ms)
        if grant.id == NONE:
            assignment.rate_limit_strategy.blanket_rule = 0  # ALLOW_ALL
            return
        tokens = assignment.rate_limit_strategy.token_bucket
        tokens.max_tokens = grant.granted
        tokens.tokens_per_fill.value = 1
        tokens.fill_interval.FromMilliseconds(3_600_000 + serial % 3_600_000)

    return write
