"""Keys known to be over their limit: a worker refuses them without asking the store.

Only refused keys enter, so a flood of distinct keys that are allowed leaves no trace; beyond ``keys_max``
the oldest is forgotten. A policy with other numbers is another policy::

    refused        KNOWN_US_MAX later                 the true time to retry
       |---- find -------|
       |---- find_away ------------------------------------|

After KNOWN_US_MAX the store is asked again: so long may a refund or a reset by another worker go unnoticed,
and no longer. While it is away the key stays over until its true time, whatever the policy's local share
would give it. What the store allows meanwhile is known no more.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

from ratelimit.check import Check
from ratelimit.policy import Policy

KNOWN_US_MAX = 1_000_000
KEYS_MAX = 65_536
"""26 MB of a worker, when a flood of refused keys fills it (keys of 16 characters)."""

Entry: TypeAlias = tuple[Policy, int, int, int]
"""Policy, ask the store again at, as if never used at, one unit again at; µs of this worker's clock."""


class KnownOver:
    def __init__(self, *, keys_max: int, now_us: Callable[[], int]) -> None:
        self._keys_max = keys_max
        self._now_us = now_us
        self._entries: OrderedDict[tuple[str, str], Entry] = OrderedDict()
        self.any = self._entries.__len__
        """Are there any? Asked at every check: without a frame of Python in between."""

    def __len__(self) -> int:
        return len(self._entries)

    def remember(self, policy: Policy, key: str, reset_us: int, retry_us: int) -> None:
        """Nothing is left of the key: a cost of 1 was refused for ``retry_us``."""
        now = self._now_us()
        entries = self._entries
        ask_at = now + min(retry_us, KNOWN_US_MAX)
        name = (policy.id, key)
        entries[name] = (policy, ask_at, now + reset_us, now + retry_us)
        entries.move_to_end(name)
        if len(entries) > self._keys_max:
            entries.popitem(last=False)

    def find(self, check: Check) -> tuple[int, int] | None:
        """µs until as if never used, and until it may take one again; None when the store must be asked.

        A cost above 1 waits longer, and how long only the store knows.
        """
        name = (check.policy.id, check.key)
        entry = self._entries.get(name)
        if entry is None or check.cost > 1:
            return None
        policy, ask_at, reset_at, retry_at = entry
        now = self._now_us()
        if now >= retry_at or (policy is not check.policy and policy != check.policy):
            del self._entries[name]
            return None
        return (reset_at - now, retry_at - now) if now < ask_at else None

    def find_away(self, policy: Policy, key: str) -> tuple[int, int] | None:
        """The same while the store cannot be asked; whoever wants more than one waits so long at least."""
        entry = self._entries.get((policy.id, key))
        if entry is None or entry[0] != policy:
            return None
        _, _, reset_at, retry_at = entry
        now = self._now_us()
        return (reset_at - now, retry_at - now) if now < retry_at else None

    def forget(self, policy: Policy, key: str) -> None:
        self._entries.pop((policy.id, key), None)
