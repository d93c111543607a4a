"""The way to one node: its connection while there is one, its breaker and redials while there is none."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from sadd.valkey.breaker import Breaker, BreakerState
from sadd.valkey.errors import (
    BreakerOpen,
    ClientClosed,
    ConnectionLost,
    StoreAway,
    StoreRefused,
    StoreStalled,
)
from sadd.valkey.stats import Counters
from sadd.valkey.wire import Answer, Connection, OnLost

Dial = Callable[[OnLost], Awaitable[Connection]]
"""Finds the node and connects; raises StoreAway or StoreRefused."""

EPISODE_GAP_SECONDS = 1.0
"""Refusals of a connected node that lie further apart than this belong to different troubles."""

log = structlog.get_logger("sadd.valkey")


class Lane:
    """Sends while connected, refuses at once while not, and redials in the background until it is closed.

    Nothing is kept for later: a call that finds no connection fails, and whether it is sent again is
    decided above (``repeating``). ``on_change`` is called when it connects, when it is lost, and when its
    breaker opens.
    """

    def __init__(self, name: str, dial: Dial, counters: Counters, on_change: Callable[[], None]) -> None:
        self.name = name
        self._dial = dial
        self._counters = counters
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._breaker = Breaker()
        self._connection: Connection | None = None
        self.submit: Callable[[bytes], Answer] = self._refuse
        """The future answer to a packed command; raises StoreAway at once when it was not sent.

        It is the connection's own method while there is one: a call less on the hottest path.
        """
        self._redialling: asyncio.Task[None] | None = None
        self._troubled_since = self._troubled_at = self._loop.time()
        self._closed = False

    # -- calls ---------------------------------------------------------------

    def submit_now(self, command: bytes) -> Answer:
        """The same, written before this returns, with what else the tick has so far."""
        answer = self.submit(command)
        if self._connection is not None:
            self._connection.flush()
        return answer

    def submit_asking(self, asking: bytes, command: bytes) -> Answer:
        """The same with ASKING in front of it, in the same write."""
        connection = self._connection
        if connection is None:
            raise self._refusal()
        connection.submit_unanswered(asking)
        return connection.submit(command)

    def _refuse(self, command: bytes) -> Answer:  # noqa: ARG002 (stands in for Connection.submit)
        raise self._refusal()

    def _refusal(self) -> StoreAway:
        if self._closed:
            return ClientClosed("the store client is closed")
        if self._breaker.refuses:
            return BreakerOpen(f"{self.name}: away")
        return ConnectionLost(f"{self.name}: reconnecting", written=False)

    # -- how it is -----------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def incarnation(self) -> bytes:
        """Of the server that a call sent now would reach; empty when there is none."""
        return self._connection.incarnation if self._connection is not None else b""

    @property
    def refuses(self) -> bool:
        """True when calls fail at once; False also while the first redial is under way."""
        return self._breaker.refuses

    @property
    def state(self) -> BreakerState:
        return self._breaker.state

    @property
    def in_flight(self) -> int:
        return self._connection.in_flight if self._connection is not None else 0

    def trouble_seconds(self, now: float) -> float:
        """How long it has been away; or, when a connected node refuses calls, how long it has done so.

        Call it at each trouble: it remembers when the last one was.
        """
        if self.connected and now - self._troubled_at > EPISODE_GAP_SECONDS:
            self._troubled_since = now
        self._troubled_at = now
        return now - self._troubled_since

    # -- connecting ----------------------------------------------------------

    async def connect(self) -> None:
        """The first connection. Raises what the dial raises, and does not try again."""
        self._adopt(await self._dial(self._lost))

    async def dial_apart(self, on_lost: OnLost) -> Connection:
        """A connection of the caller's own to the same node. Raises what the dial raises."""
        return await self._dial(on_lost)

    def start(self) -> None:
        """Dials in the background until there is a connection."""
        if self._redialling is None and not self._closed:
            self._redialling = self._loop.create_task(self._redial(), name=f"sadd.valkey redial {self.name}")

    def drop(self, why: str) -> None:
        """Ends the connection and dials anew: the node is no longer the one to talk to."""
        if self._connection is not None:
            self._connection.abort(ConnectionLost(f"{self.name}: {why}", written=True))

    def _adopt(self, connection: Connection) -> None:
        if self._closed:
            connection.abort()
            return
        self._connection = connection
        self.submit = connection.submit
        self._troubled_at = -EPISODE_GAP_SECONDS  # what comes is a new trouble
        self._breaker.recovered(self._loop.time())
        if connection.lost:  # between the dial's last answer and here
            self._lost(connection, None)
        self._on_change()

    def _lost(self, connection: Connection, cause: BaseException | None) -> None:
        if connection is not self._connection:
            return  # a dial that failed reports this too
        self._connection = None
        self.submit = self._refuse
        if self._closed:
            return
        self._troubled_since = now = self._loop.time()
        stalled = isinstance(cause, StoreStalled)
        self._breaker.lost(now, stalled)
        log.warning("store connection lost", node=self.name, stalled=stalled)
        self.start()
        self._on_change()

    async def _redial(self) -> None:
        try:
            while self._connection is None and not self._closed:
                await asyncio.sleep(self._breaker.delay_seconds(random.random()))  # noqa: S311 (jitter)
                await self._probe()
        finally:
            self._redialling = None

    async def _probe(self) -> None:
        self._breaker.probing()
        try:
            connection = await self._dial(self._lost)
        except (StoreAway, StoreRefused) as error:
            if self._breaker.failed():
                log.error("store away, calls are refused until it is back", node=self.name, reason=str(error))
                self._on_change()
            return
        self._counters.reconnects += 1
        log.info("store connected", node=self.name)
        self._adopt(connection)

    # -- the end -------------------------------------------------------------

    async def aclose(self) -> None:
        """Ends the connection and the redials; unanswered calls fail."""
        self._closed = True
        self._breaker.state = BreakerState.OPEN
        if self._connection is not None:
            self._connection.abort(ClientClosed("the store client is closed"))
        if self._redialling is not None:
            self._redialling.cancel()
            await asyncio.gather(self._redialling, return_exceptions=True)
