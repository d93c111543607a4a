"""What the limiter asks of a store: one operation, decided where the counters are."""

from collections.abc import Sequence
from typing import Protocol

from ratelimit.decision import Taken
from ratelimit.policy import Policy


class StoreUnavailable(Exception):
    """The store did not answer in time or at all. The taking may still have happened.

    The limiter then decides by the policy's ``on_store_loss`` and never repeats the call.
    """


class Store(Protocol):
    async def take(
        self, policy: Policy, keys: Sequence[str], costs: Sequence[int], now_us: int | None = None
    ) -> list[Taken]:
        """Take ``costs[i]`` from ``keys[i]``, each by itself and in order; one answer each, in order.

        Keys may repeat. A refusal changes nothing. ``now_us`` replaces the store's clock (tests).
        Raises StoreUnavailable.
        """
