"""Says of each lease, now and then, that its load goes on: an origin slower than a lease is asked once.

One attendant for all of a namespace; there is none while nothing is loaded. Who dies stops saying it, and
costs one lease time.
"""

from dataclasses import dataclass

from sadd_client.caching.calls import Calls
from sadd_client.caching.entry import Lease
from sadd_client.clock import now
from sadd_client.errors import SaddError
from sadd_client.ports import Io

LOOK_SECONDS = 0.2
LOAD_SECONDS_MAX = 120.0
"""Then a load counts as hung, and somebody else may try."""


@dataclass(slots=True)
class _Held:
    lease: Lease
    until: float
    due: float
    lasts_seconds: float


class Renewal:
    def __init__(self, calls: Calls, io: Io) -> None:
        self._calls, self._io = calls, io
        self.forget()

    def forget(self) -> None:
        """In a forked child, and at the beginning."""
        self._mutex = self._io.mutex()
        self._held: dict[str, _Held] = {}
        self._attended = False

    def hold(self, lease: Lease) -> None:
        """From now on, until ``drop``."""
        at = now()
        lasts = max(lease.ends - at, LOOK_SECONDS)
        with self._mutex:
            self._held[lease.token] = _Held(lease, at + LOAD_SECONDS_MAX, at + lasts / 3, lasts)
            begins, self._attended = not self._attended, True
        if begins:
            self._io.attend(self._attend())

    def drop(self, lease: Lease) -> None:
        with self._mutex:
            self._held.pop(lease.token, None)

    async def _attend(self) -> None:
        while True:
            await self._io.pause(LOOK_SECONDS)
            with self._mutex:
                if not self._held:
                    self._attended = False
                    return
                due = [held for held in self._held.values() if held.due <= now()]
            for held in due:
                await self._renew(held)

    async def _renew(self, held: _Held) -> None:
        held.due = now() + held.lasts_seconds / 3
        try:
            goes_on = now() < held.until and await self._calls.renew(held.lease)
        except SaddError:  # the next look tries again
            return
        if not goes_on:
            self.drop(held.lease)
