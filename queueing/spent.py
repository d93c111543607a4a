"""Which passes were spent: each is let through once, whichever worker and however many devices show it.

A browser that reloads while the answer is on its way shows the same pass a second time, and whoever lost that
answer would be shut out for as long as his pass lasts. So a repeat of the same visitor (its address and
browser, as a mark) within ``REPEAT_MS`` is the same request, and gets the same entry.

Whoever leaves has spent his pass, also one that was shown nowhere yet, and his stay is over: another has his
slot (leave.lua).

Kept in Valkey for as long as the pass lasts. If the store loses its memory, a pass that is still in force can
be exchanged once more; it is the same place and the same slot.
"""

import os
import time
from collections.abc import Callable
from typing import Any, Literal, Protocol

from queueing.store import StoreUnavailable

REPEAT_MS = 10_000
MARK_BYTES = 8
_NONCE_BYTES = 8
_TIME_BYTES = 8
_LEFT = b"left"
"""Instead of a visitor's mark, as leave.lua writes it; no mark is so short."""

Spending = Literal["first", "again", "spent"]


class Client(Protocol):
    """What this module needs of the store's client."""

    async def command(
        self, *words: bytes | int | str, key: bytes | None = None, repeat_safe: bool = False
    ) -> Any: ...


class SpentPasses:
    """On one client. ``clock`` is in seconds since the epoch, ``chance`` gives so many random bytes."""

    def __init__(
        self,
        client: Client,
        *,
        clock: Callable[[], float] = time.time,
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._client = client
        self._clock = clock
        self._chance = chance

    async def spend(self, room: str, pass_id: str, mark: bytes, keep_ms: int) -> Spending:
        """Spend the pass for the visitor with this mark, remembered for ``keep_ms``. One trip.

        Raises StoreUnavailable: then it may have been spent, and the same visitor may repeat.
        """
        now_ms = int(self._clock() * 1000)
        nonce = self._chance(_NONCE_BYTES)
        value = nonce + now_ms.to_bytes(_TIME_BYTES, "big") + mark
        key = _key(room, pass_id)
        try:
            # A repeated call finds its own nonce.
            held = await self._client.command(
                "SET", key, value, "NX", "GET", "PX", max(keep_ms, REPEAT_MS), key=key, repeat_safe=True
            )
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone
        if held is None or held[:_NONCE_BYTES] == nonce:
            return "first"
        at_ms = int.from_bytes(held[_NONCE_BYTES : _NONCE_BYTES + _TIME_BYTES], "big")
        same = held[_NONCE_BYTES + _TIME_BYTES :] == mark
        return "again" if same and abs(now_ms - at_ms) <= REPEAT_MS else "spent"

    async def is_over(self, room: str, pass_id: str) -> bool:
        """Whether the stay that the pass opened was left, or ended early. Raises StoreUnavailable."""
        key = _key(room, pass_id)
        try:
            held = await self._client.command("GET", key, key=key, repeat_safe=True)
        except (ConnectionError, TimeoutError) as gone:
            raise StoreUnavailable(str(gone)) from gone
        return held is not None and held[_NONCE_BYTES + _TIME_BYTES :] == _LEFT


def _key(room: str, pass_id: str) -> bytes:
    return f"queue:{{{room}}}:spent:{pass_id}".encode()
