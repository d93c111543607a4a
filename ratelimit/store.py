"""What the limiter asks of a store: operations that are decided where the counters are."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from ratelimit.check import Check
from ratelimit.decision import Taken
from ratelimit.policy import Policy


class StoreUnavailable(Exception):
    """The store did not answer in time or at all. The taking may still have happened.

    The limiter then decides by the policy's ``on_store_loss`` and never repeats the call.
    """


DoneOne: TypeAlias = Callable[[Taken | StoreUnavailable], None]
DoneAll: TypeAlias = Callable[[Sequence[Taken] | StoreUnavailable], None]
DoneEach: TypeAlias = Callable[[Sequence[int], Sequence[Taken] | StoreUnavailable], None]
"""Called once, at a later tick of the event loop; ``DoneEach`` once for each part, with its indices."""


class Store(Protocol):
    def ask(self, check: Check, done: DoneOne) -> None:
        """Take ``cost`` from one key. A tick's questions travel together and are decided in their order."""

    def ask_each(self, checks: Sequence[Check], done: DoneEach) -> None:
        """Take from each by itself, in order. All are of one policy."""

    def ask_all(self, checks: Sequence[Check], done: DoneAll) -> bool:
        """Take all or nothing; many requests of a tick in one trip.

        False, and nothing was asked, when the keys lie in several slots. Then ask for each of ``parts``.
        """

    def parts(self, checks: Sequence[Check]) -> list[list[int]]:
        """The indices of ``checks`` in groups, each of which one ``ask_all`` can decide."""

    def give_back(self, policy: Policy, key: str, units: int, done: DoneOne) -> None:
        """Count ``units`` fewer as used, never fewer than none."""

    async def forget(self, policy: Policy, key: str) -> bool:
        """Make the key as if never used. False when it was. Raises StoreUnavailable."""
