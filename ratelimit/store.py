"""What the limiter asks of a store: operations that are decided where the counters are."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeAlias

from ratelimit.check import Check
from ratelimit.decision import Taken
from ratelimit.lease import LeaseName
from ratelimit.policy import Policy


class StoreUnavailable(Exception):
    """The store did not answer in time or at all. The taking may still have happened.

    The limiter then decides by the policy's ``on_store_loss`` and never repeats the call.
    """


class StoreFaulty(StoreUnavailable):
    """The store is there and answered with an error, or with what is no answer."""


DoneOne: TypeAlias = Callable[[Taken | StoreUnavailable], None]
DoneAll: TypeAlias = Callable[[Sequence[Taken] | StoreUnavailable], None]
DoneEach: TypeAlias = Callable[[Sequence[int], Sequence[Taken] | StoreUnavailable], None]
"""Called once, at a later tick of the event loop; ``DoneEach`` once for each part, with its indices."""
Reserved: TypeAlias = tuple[Taken, int]
"""What was taken, and its mark: which taking it was, for giving it back."""
DoneReserved: TypeAlias = Callable[[Sequence[Reserved] | StoreUnavailable], None]


class Store(Protocol):
    """Counters. Nothing here waits: answers come by callback."""

    def ask(self, check: Check, done: DoneOne) -> None:
        """Take ``cost`` from one key. A tick's questions travel together and are decided in their order."""

    def ask_each(self, checks: Sequence[Check], done: DoneEach) -> None:
        """Take from each by itself, in order. All are of one policy."""

    def ask_all(self, checks: Sequence[Check], done: DoneAll) -> bool:
        """Take all or nothing; many requests of a tick in one trip.

        False, and nothing was asked, when the keys lie in several slots. Then reserve each of ``parts``.
        """

    def parts(self, checks: Sequence[Check]) -> list[list[int]]:
        """The indices of ``checks`` in groups, each of which one ``reserve`` can decide."""

    def reserve(self, checks: Sequence[Check], done: DoneReserved) -> None:
        """``ask_all`` of one part; what was taken can be given back exactly, by its mark."""

    def give_back(
        self, policy: Policy, key: str, units: int, done: DoneOne, mark_us: int | None = None
    ) -> None:
        """Count ``units`` fewer as used, never fewer than none.

        With a mark: of that taking, and only what still counts, so that all is as if never taken.
        """

    async def forget(self, policy: Policy, key: str) -> bool:
        """Make the key as if never used. False when it was. Raises StoreUnavailable."""


Outcome: TypeAlias = Literal["success", "ignored", "dropped"]


class Holdings(Protocol):
    """What is held for a while: leases and slots. Each raises StoreUnavailable."""

    async def lease(self, policy: Policy, name: LeaseName, units: int) -> tuple[Taken, int]:
        """Lend up to ``units``: how many is in the place of ``allowed``; and for how many ms."""

    async def end_lease(self, policy: Policy, name: LeaseName, unused: int) -> tuple[int, int]:
        """Units given back, and units that the lease had; both 0 when it has ended already."""

    async def acquire(self, policy: Policy, key: str, slot: str) -> tuple[Taken, int]:
        """Hold a slot; "" only looks. And the limit as it is now."""

    async def release(self, policy: Policy, key: str, slot: str, outcome: Outcome, latency_us: int) -> bool:
        """False when the slot was not held."""
