"""How many frames a peer may send that carry no call: each of them costs us about as much as a call."""

from sadd.grpc.frames import ENHANCE_YOUR_CALM, Fault

BURST_FRAMES = 10_000
REFILL_FRAMES_PER_SECOND = 1_000
FRAMES_PER_CALL = 8
"""Window updates, pings and such that a lively client sends beside each of its calls."""


class Allowance:
    """The bound on PING, SETTINGS, WINDOW_UPDATE, PRIORITY, RST_STREAM, unfinished DATA and the like.

    It refills with time and with the calls that were answered, so that a busy client never meets it,
    and a flood of any of them ends its connection after ``BURST_FRAMES``.
    """

    __slots__ = ("_calls", "_left")

    def __init__(self) -> None:
        self._left = BURST_FRAMES
        self._calls = 0  # that have been counted in

    def spend(self, frames: int, calls: int) -> None:
        """``calls`` were answered so far. Raises Fault."""
        self._left -= frames
        if self._left < 0:
            self._add((calls - self._calls) * FRAMES_PER_CALL)
            self._calls = calls
            if self._left < 0:
                raise Fault(ENHANCE_YOUR_CALM, "too many frames beside the calls")

    def refill(self, seconds: float) -> None:
        self._add(int(seconds * REFILL_FRAMES_PER_SECOND))

    def _add(self, frames: int) -> None:
        self._left = min(BURST_FRAMES, self._left + frames)
