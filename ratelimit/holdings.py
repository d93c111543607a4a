"""Leases and slots on Valkey: what is held for a while, each operation one trip."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ratelimit.algorithm import Adaptive, Concurrency
from ratelimit.decision import Taken
from ratelimit.form import LEARNT, LEASE, RESET, SLOTS, Forms, Word
from ratelimit.lease import KEEP_MS, KEEP_MS_MIN, LeaseName
from ratelimit.policy import Policy
from ratelimit.store import Outcome, StoreUnavailable
from ratelimit.valkey import Client, Script, script


class ValkeyHoldings:
    """``ratelimit.store.Holdings`` on one client. ``now_us`` replaces the store's clock (tests)."""

    def __init__(
        self,
        client: Client,
        *,
        shards: int = 1,
        keep_ms: int = KEEP_MS,
        now_seconds: Callable[[], float] = time.time,
        now_us: Callable[[], int | str] = lambda: "",
    ) -> None:
        self._client = client
        self._forms = Forms(shards)
        self._keep_ms = keep_ms
        self._now_seconds = now_seconds
        self._now_us = now_us
        self._lease = script("algorithms", "lease")
        self._end_lease = script("algorithms", "end_lease")
        self._acquire = script("acquire")
        self._release = script("release")

    async def lease(self, policy: Policy, name: LeaseName, units: int) -> tuple[Taken, int]:
        form = self._forms[policy]
        keys = (form.name(name.key), form.beside(LEASE + name.nonce.hex().encode(), name.key))
        args = (self._now_us(), form.word(self._now_seconds), units, self._keep_ms, KEEP_MS_MIN)
        granted, left, reset_us, retry_us, keep_ms = await self._run(self._lease, keys, args)
        return (granted, left, reset_us, retry_us), keep_ms

    async def end_lease(self, policy: Policy, name: LeaseName, unused: int) -> tuple[int, int]:
        form = self._forms[policy]
        keys = (
            form.name(name.key),
            form.beside(LEASE + name.nonce.hex().encode(), name.key),
            form.beside(RESET, name.key),
        )
        args = (self._now_us(), form.word(self._now_seconds), unused)
        returned, had = await self._run(self._end_lease, keys, args)
        return returned, had

    async def acquire(self, policy: Policy, key: str, slot: str) -> tuple[Taken, int]:
        algorithm = policy.algorithm
        assert isinstance(algorithm, Concurrency | Adaptive)
        initial = algorithm.initial if isinstance(algorithm, Adaptive) else policy.limit
        args = (self._now_us(), slot, algorithm.slot_seconds * 1_000_000, initial, policy.limit)
        allowed, left, reset_us, retry_us, limit = await self._run(
            self._acquire, self._slot_keys(policy, key), args
        )
        return (allowed, left, reset_us, retry_us), limit

    async def release(self, policy: Policy, key: str, slot: str, outcome: Outcome, latency_us: int) -> bool:
        args: tuple[Word, ...] = (self._now_us(), slot, outcome, latency_us, *_learning(policy))
        return bool(await self._run(self._release, self._slot_keys(policy, key), args))

    def _slot_keys(self, policy: Policy, key: str) -> tuple[bytes, bytes]:
        form = self._forms[policy]
        return form.beside(SLOTS, key), form.beside(LEARNT, key)

    async def _run(self, text: Script, keys: Sequence[bytes], args: Sequence[Word]) -> Any:
        try:
            # Each names its lease or slot, so that a second run does no more than the first.
            return await self._client.run(text, keys, args, repeat_safe=True)
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone


def _learning(policy: Policy) -> tuple[Word, ...]:
    match policy.algorithm:
        case Adaptive() as adaptive:
            return (
                adaptive.kind,
                adaptive.initial,
                adaptive.minimum,
                policy.limit,
                adaptive.timeout_ms * 1000,
                repr(adaptive.backoff),
                repr(adaptive.tolerance),
                repr(adaptive.smoothing),
                adaptive.queue,
                adaptive.window_ms * 1000,
            )
    return ("fixed",)
