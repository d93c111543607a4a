"""The store on Valkey: one script call for each policy and up to 128 keys.

A key is ``rl:{<policy>}:<key>`` and holds some 16 digits until its limit is as if never used. On a cluster
that puts a policy into one slot; ``shards`` above 1 spreads its keys over as many, at a call for each.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol
from zlib import crc32

from ratelimit.decision import Taken
from ratelimit.policy import Policy
from ratelimit.store import StoreUnavailable

KEYS_PER_CALL = 128  # a third of a millisecond of the store's time; more keys a call gained nothing


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    source: bytes


class Client(Protocol):
    """What this module needs of the store's client."""

    async def run(
        self,
        script: Script,
        keys: Sequence[bytes],
        args: Sequence[bytes | int | str],
        *,
        repeat_safe: bool = False,
    ) -> Any: ...


class ValkeyStore:
    """``ratelimit.store.Store`` on one client."""

    def __init__(self, client: Client, *, shards: int = 1) -> None:
        self._client = client
        self._shards = shards
        self._take = Script("ratelimit.take", files("ratelimit").joinpath("take.lua").read_bytes())

    async def take(
        self, policy: Policy, keys: Sequence[str], costs: Sequence[int], now_us: int | None = None
    ) -> list[Taken]:
        names = [self._name(policy, key) for key in keys]
        if self._shards == 1 and len(names) <= KEYS_PER_CALL:
            return await self._call(policy, names, costs, now_us)
        return await self._calls(policy, names, costs, now_us)

    async def _calls(
        self, policy: Policy, names: list[bytes], costs: Sequence[int], now_us: int | None
    ) -> list[Taken]:
        """Several calls at once. Those for one key go in order over one connection, so order is kept."""
        parts = list(_parts(names))
        answers = await asyncio.gather(
            *(
                self._call(policy, [names[i] for i in part], [costs[i] for i in part], now_us)
                for part in parts
            )
        )
        by_index = {
            i: taken
            for part, answer in zip(parts, answers, strict=True)
            for i, taken in zip(part, answer, strict=True)
        }
        return [by_index[i] for i in range(len(names))]

    async def _call(
        self, policy: Policy, names: Sequence[bytes], costs: Sequence[int], now_us: int | None
    ) -> list[Taken]:
        interval = policy.interval
        now = "" if now_us is None else now_us
        args = (now, interval.whole_us, interval.part, interval.parts, policy.burst, *costs)
        try:
            # Repeated, it takes twice: too much is then counted, never too much admitted.
            flat = await self._client.run(self._take, names, args, repeat_safe=True)
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone
        return list(zip(flat[0::4], flat[1::4], flat[2::4], flat[3::4], strict=True))

    def _name(self, policy: Policy, key: str) -> bytes:
        name = key.encode()
        if self._shards == 1:
            return b"rl:{%b}:%b" % (policy.id.encode(), name)
        return b"rl:{%b:%d}:%b" % (policy.id.encode(), crc32(name) % self._shards, name)


def _parts(names: Sequence[bytes]) -> list[list[int]]:
    """Indices of ``names`` in calls of one slot and at most KEYS_PER_CALL keys, in order."""
    by_slot: dict[bytes, list[int]] = {}
    for index, name in enumerate(names):
        by_slot.setdefault(name[: name.index(b"}")], []).append(index)
    return [
        indices[start : start + KEYS_PER_CALL]
        for indices in by_slot.values()
        for start in range(0, len(indices), KEYS_PER_CALL)
    ]
