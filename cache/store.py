"""What the cache asks of a store."""

from typing import Protocol

from cache.address import Address
from cache.entry import Content, Entry
from cache.policy import Times


class StoreUnavailable(Exception):
    """The store did not answer in time or at all.

    A look-up then is a miss. A put or a delete is refused: whoever deletes must know that it did not happen.
    """


class Store(Protocol):
    """``now_ms`` replaces the store's clock (tests). Each raises StoreUnavailable."""

    async def lookup(self, address: Address, now_ms: int | None = None) -> Entry | None:
        """The entry, unless its hard expiry has come."""

    async def fill(self, address: Address, content: Content, times: Times, now_ms: int | None = None) -> int:
        """Put the entry, whatever was there; returns when it was born, ms since the epoch."""

    async def remove(self, address: Address) -> bool:
        """End the entry; True if there was one."""
