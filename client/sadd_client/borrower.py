"""Leases of one policy: asked for, fetched in time, given back."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sadd_client.clock import now
from sadd_client.decider import Decider
from sadd_client.decision import Check
from sadd_client.errors import PlatformAway, SaddError, UnknownPath
from sadd_client.lease import Lease
from sadd_client.ledger import Ledger
from sadd_client.ports import Io
from sadd_client.slice import Slice

REST_SECONDS = 0.2
"""After a lease that was not granted, of that key."""
NO_LEASES_SECONDS = 60.0
"""After the platform said that it knows no leases."""
TIDY_SECONDS = 0.5
"""After its last use a lease goes back in once to twice this time."""


class Borrower:
    """``mutex`` guards the ledger; whatever is called "within" is called while it is held."""

    def __init__(self, decider: Decider, io: Io, ledger: Ledger, tokens_max: int) -> None:
        self.mutex: AbstractContextManager[object] = io.mutex()
        self._decider = decider
        self._io = io
        self._ledger = ledger
        self._tokens_max = tokens_max
        self._no_leases_until = 0.0
        self._tidied_at = now()
        self._tidying = False
        self._stop_tidying: Callable[[], object] = lambda: None
        self._ended = False

    def wanted(self, held: Slice, cost: int, at: float) -> int:
        """Units to ask for; 0 while a check each is better. Within."""
        return held.wanted(cost, at, 0 if at < self._no_leases_until else self._tokens_max)

    async def borrow(self, held: Slice, check: Check, deadline: float) -> None:
        """Ask for a lease, and hold it. When there is none the key rests. Raises Problem."""
        with self.mutex:
            wanted = self.wanted(held, check.cost, now())
        if wanted:
            lease = await self._asked(check, wanted, deadline)
            with self.mutex:
                kept = self._keep(held, check, lease)
            if lease is not None and not kept:
                await self.give_back(check.policy, [(lease, lease.tokens)])

    async def give_back(self, policy: str, unused: list[tuple[Lease, int]]) -> None:
        """Nothing of it is held any more."""
        await self._io.together(self._return(policy, lease, tokens) for lease, tokens in unused)

    def idle(self, at: float) -> list[tuple[Lease, int]]:
        """What nobody used for TIDY_SECONDS, looked for that often. Within."""
        if at - self._tidied_at < TIDY_SECONDS:
            return []
        self._tidied_at = at
        return self._ledger.idle(at)

    async def end(self, policy: str) -> None:
        """Give back everything, and hold nothing from now on."""
        self._ended = True
        self._stop_tidying()
        with self.mutex:
            unused = self._ledger.everything(now())
        await self.give_back(policy, unused)

    def forget(self) -> None:
        """For a forked child: all leases are the parent's."""
        self.mutex = self._io.mutex()
        self._ledger.forget()
        self._tidying = False

    async def _asked(self, check: Check, wanted: int, deadline: float) -> Lease | None:
        try:
            return await self._decider.lease(check, wanted, deadline)
        except PlatformAway:
            return None
        except UnknownPath:
            self._no_leases_until = now() + NO_LEASES_SECONDS
            return None

    def _keep(self, held: Slice, check: Check, lease: Lease | None) -> bool:
        """Whether the lease is held now; it is not when its key was forgotten meanwhile. Within."""
        if lease is None or lease.tokens < 2 * check.cost:  # so few are no better than a check
            held.rest(now() + REST_SECONDS)
        if lease is None:
            return False
        self._ledger.granted += lease.tokens
        if self._ended or self._ledger.slices.get(check.key) is not held:
            return False
        self._ledger.keep(check.key, lease, now())
        self._keep_tidy(check.policy)
        return True

    def _keep_tidy(self, policy: str) -> None:
        """Where something can run beside the callers, leases go back although nobody calls any more."""
        if self._io.beside and not self._tidying:
            self._tidying = True
            self._stop_tidying = self._io.start(self._tidy(policy))

    async def _tidy(self, policy: str) -> None:
        try:
            while self._ledger.holds():
                await self._io.pause(TIDY_SECONDS)
                await self.give_back(policy, self.idle(now()))
        finally:
            self._tidying = False

    async def _return(self, policy: str, lease: Lease, tokens: int) -> None:
        with self.mutex:
            self._ledger.returned += tokens
        try:
            await self._decider.give_back(policy, lease.id, tokens, self._decider.deadline())
        except SaddError:  # lost with its lease, then
            with self.mutex:
                self._ledger.returned -= tokens
                self._ledger.lost += tokens
