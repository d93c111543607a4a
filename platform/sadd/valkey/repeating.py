"""What is sent again, where, and for how long.

| what came back                              | did it run?   | then                                        |
|---------------------------------------------|---------------|---------------------------------------------|
| NOSCRIPT                                    | no            | once more with the source, same node        |
| MOVED, ASK                                  | no            | at once, to the node named                  |
| LOADING, CLUSTERDOWN, TRYAGAIN, READONLY …  | no            | after a short wait, within the patience     |
| breaker open, connection lost unwritten     | no            | when the lane or the slot table changes     |
| connection lost or stalled after the write  | **not known** | the same, if the call says ``repeat_safe``  |
| deadline, in-flight bound, other errors     | –             | never                                       |

The patience is for fail-overs: several seconds in a cluster, none for one node, where only the very
first redial is waited for, no longer than one more deadline.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from sadd.valkey.address import node_of
from sadd.valkey.errors import (
    Ask,
    BreakerOpen,
    ConnectionLost,
    DeadlineExceeded,
    InFlightFull,
    Moved,
    NoScript,
    NotReady,
    ReplyError,
    StoreAway,
    StoreStalled,
)
from sadd.valkey.lane import Lane
from sadd.valkey.packing import eval_with_source
from sadd.valkey.router import Router
from sadd.valkey.script import ScriptLike
from sadd.valkey.stats import Counters
from sadd.valkey.wire import Answer, Reply, Word, pack

ASKING = pack(("ASKING",))
WAIT_SECONDS = 0.02
WAIT_SECONDS_MAX = 0.2
REDIRECTS_AT_ONCE = 4
"""Two nodes that each name the other as the owner must not be asked in a hot loop."""
NO_CURE_BY_WAITING = frozenset({"OOM", "MISCONF"})


@dataclass(slots=True)
class Call:
    """One call on its way. ``script`` is None for a plain command."""

    key: bytes | None
    packed: bytes
    repeat_safe: bool
    script: ScriptLike | None = None
    keys: Sequence[bytes] = ()
    args: Sequence[Word] = ()
    with_source: bool = False
    stamped: bool = False
    """The first argument is the incarnation of whichever server gets it."""

    def packed_for(self, lane: Lane) -> bytes:
        if not self.stamped:
            return self.packed
        assert self.script is not None
        return eval_with_source(self.script, self.keys, (lane.incarnation, *self.args))

    def carry_source(self) -> None:
        assert self.script is not None
        self.packed = eval_with_source(self.script, self.keys, self.args)
        self.with_source = True

    def may_run_again(self, error: Exception) -> bool:
        """True when ``error`` says that it did not run, or when a second run does no harm."""
        match error:
            case NotReady():
                return error.code not in NO_CURE_BY_WAITING
            case ConnectionLost():
                return self.repeat_safe or not error.written
            case BreakerOpen():
                return True
            case StoreStalled():
                return self.repeat_safe
        return False


@dataclass(frozen=True, slots=True)
class Patience:
    """``failover_seconds`` 0 is for a single node: no waiting for one that is away."""

    deadline_seconds: float
    failover_seconds: float
    waiting_max: int


class Repeating:
    """Takes over a call that failed once, until it is answered or must fail."""

    def __init__(self, router: Router, patience: Patience, counters: Counters) -> None:
        self._router = router
        self._patience = patience
        self._counters = counters
        self._loop = asyncio.get_running_loop()

    async def answer(self, call: Call, error: Exception, lane: Lane | None) -> Reply:
        """The answer at last. Raises the last error when sending again cannot or must not help."""
        patience = max(self._patience.deadline_seconds, self._patience.failover_seconds)
        give_up_at = self._loop.time() + patience
        asking = False
        attempt = 0
        while True:
            if self._loop.time() >= give_up_at:
                raise error
            if isinstance(error, NoScript) and lane is not None and not call.with_source:
                call.carry_source()
                self._counters.reloads += 1
            elif isinstance(error, (Moved, Ask)) and lane is not None:
                lane, asking = self._redirected(error, lane)
                if attempt >= REDIRECTS_AT_ONCE:
                    await asyncio.sleep(WAIT_SECONDS)
            else:
                await self._wait(call, error, lane, give_up_at, attempt)
                lane, asking = None, False
            attempt += 1
            try:
                lane = lane or self._router.lane(call.key)
                return await self._send(call, lane, asking)
            except (StoreAway, DeadlineExceeded, ReplyError) as again:
                error = again

    @staticmethod
    def _send(call: Call, lane: Lane, asking: bool) -> Answer:
        packed = call.packed_for(lane)
        return lane.submit_asking(ASKING, packed) if asking else lane.submit(packed)

    def _redirected(self, error: Moved | Ask, origin: Lane) -> tuple[Lane, bool]:
        self._counters.repeats += 1
        _, slot, place = str(error).split(" ")[:3]
        node = node_of(place)
        if isinstance(error, Moved):
            return self._router.moved(origin, int(slot), node), False
        return self._router.asked(origin, node), True

    async def _wait(
        self, call: Call, error: Exception, lane: Lane | None, give_up_at: float, attempt: int
    ) -> None:
        """Until sending again has a chance. Raises ``error`` when it has none or must not be tried."""
        if lane is not None and isinstance(error, (StoreAway, StoreStalled)):
            self._router.troubled(lane, error)
        if not call.may_run_again(error) or self._too_late(error, lane):
            raise error
        if self._counters.waiting >= self._patience.waiting_max:
            raise InFlightFull(f"{self._counters.waiting} calls wait for the store to come back") from error
        self._counters.repeats += 1
        self._counters.waiting += 1
        try:
            await self._change(call, error, lane, give_up_at, attempt)
        finally:
            self._counters.waiting -= 1

    def _too_late(self, error: Exception, lane: Lane | None) -> bool:
        """True when the fail-over took too long already: whoever comes now is refused at once."""
        if lane is None:
            return not self._patience.failover_seconds
        if isinstance(error, ConnectionLost) and not lane.refuses:
            return False  # the very first redial, which takes a millisecond when only the connection broke
        return lane.trouble_seconds(self._loop.time()) >= self._patience.failover_seconds

    async def _change(
        self, call: Call, error: Exception, lane: Lane | None, give_up_at: float, attempt: int
    ) -> None:
        remaining = give_up_at - self._loop.time()
        if isinstance(error, NotReady) or lane is None or lane.connected:
            pause = min(WAIT_SECONDS * 1.5**attempt, WAIT_SECONDS_MAX) * random.uniform(0.5, 1.0)  # noqa: S311
            await asyncio.sleep(min(pause, remaining))
        elif self._router.lane(call.key) is lane:
            await self._router.pulse.wait(remaining)
