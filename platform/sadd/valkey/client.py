"""The front door: ``run`` a script, ``command`` for plain words. One client a worker, shared by all."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from sadd.valkey.batch import KEYS_MAX, Batch
from sadd.valkey.errors import DeadlineExceeded, ReplyError, StoreAway
from sadd.valkey.lane import Lane
from sadd.valkey.packing import Packing
from sadd.valkey.repeating import Call, Patience, Repeating
from sadd.valkey.router import Router
from sadd.valkey.script import ScriptLike
from sadd.valkey.stats import ClientStats, Counters
from sadd.valkey.wire import Answer, Connection, Heard, Reply, Word, pack

SHARED_CONNECTION_REFUSES = frozenset(
    """
    ASKING AUTH BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN DISCARD EXEC HELLO MONITOR MULTI
    PSUBSCRIBE PSYNC PUNSUBSCRIBE QUIT READONLY READWRITE RESET SELECT SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE SYNC
    UNSUBSCRIBE UNWATCH WAIT WAITAOF WATCH
    """.split()  # noqa: SIM905 (a list of words, not of quotation marks)
)
"""They block the connection or change its state, and all callers share it."""

MANY_KEYS = 16
"""A call of so many keys is work enough for the store to begin with: it is not kept until the tick's end.

Measured with 64 keys a call: 1.87 x redis-benchmark -P 16 so, 1.06 x when four such calls went out together.
"""

PROBE_KEY = b"sadd:probe"
PROBE_KEY_MS = 60_000

_FAILURES = (StoreAway, DeadlineExceeded, ReplyError)


class ValkeyClient:
    """Every call is answered, refused or overdue within its bounds; see ``errors`` for what it raises.

    ``repeat_safe=True`` is the caller's word that running the call twice does no harm that matters: it
    only reads, sets what is already set, or errs to the safe side (a limiter that charges twice). Such
    calls survive a broken connection and a fail-over; others fail with ConnectionLost when they were
    written and not answered, since nobody knows whether they ran.
    """

    def __init__(self, router: Router, patience: Patience, counters: Counters) -> None:
        self._router = router
        self._counters = counters
        self._repeating = Repeating(router, patience, counters)
        self._packing = Packing()
        self.slot: Callable[[bytes], int] = router.slot
        """Keys of one slot may go into one ``run``. Without a cluster all keys share slot 0."""
        self._loop = asyncio.get_running_loop()
        self._repeats: set[asyncio.Task[None]] = set()

    async def run(
        self,
        script: ScriptLike,
        keys: Sequence[bytes],
        args: Sequence[Word],
        *,
        repeat_safe: bool = False,
        stamped: bool = False,
    ) -> Reply:
        """Runs a script where ``keys[0]`` lives; all keys must lie in one slot.

        ``stamped`` puts in front of the arguments the incarnation of the very server that gets the call, a
        repeated one too: so a script can tell whether what it finds was written in this run of the server.
        Raises StoreAway, DeadlineExceeded or ReplyError.
        """
        self._counters.calls += 1
        key = keys[0] if keys else None
        packed = b""
        lane = None
        try:
            lane = self._router.lane(key)
            words = [lane.incarnation, *args] if stamped else args
            packed = self._packing.evalsha(script, keys, words)
            return await (lane.submit(packed) if len(keys) < MANY_KEYS else lane.submit_now(packed))
        except _FAILURES as error:
            packed = packed or self._packing.evalsha(script, keys, args)
            call = Call(key, packed, repeat_safe, script, keys, args, stamped=stamped)
            return await self._again(call, error, lane)

    def incarnation(self, key: bytes) -> bytes:
        """Which run of which server, with which history, serves ``key``. Raises StoreAway when none does."""
        incarnation = self._router.lane(key).incarnation
        if not incarnation:
            raise StoreAway("no server is connected")
        return incarnation

    def post(
        self,
        script: ScriptLike,
        keys: Sequence[bytes],
        args: Sequence[Word],
        done: "Callable[[Reply | Exception], None]",
        *,
        repeat_safe: bool = False,
        stamped: bool = False,
    ) -> None:
        """``run`` without a task: ``done`` gets the reply, or what ``run`` would raise, at a later tick.

        A task is made only for a call that failed once.
        """
        self._counters.calls += 1
        lane = None
        try:
            lane = self._router.lane(keys[0])
        except _FAILURES as error:
            packed = self._packing.evalsha(script, keys, args)
            call = Call(keys[0], packed, repeat_safe, script, keys, args, stamped=stamped)
            self._repeat(call, error, lane, done)
            return
        packed = self._packing.evalsha(script, keys, [lane.incarnation, *args] if stamped else args)
        call = Call(keys[0], packed, repeat_safe, script, keys, args, stamped=stamped)
        try:
            answer = lane.submit(packed) if len(keys) < MANY_KEYS else lane.submit_now(packed)
        except _FAILURES as error:
            self._repeat(call, error, lane, done)
        else:
            answer.add_done_callback(partial(self._posted, call, lane, done, self._loop.time()))

    def _posted(
        self,
        call: Call,
        lane: Lane,
        done: "Callable[[Reply | Exception], None]",
        sent_at: float,
        answer: Answer,
    ) -> None:
        counters = self._counters
        counters.gathered_calls += 1
        counters.gathered_keys += len(call.keys)
        counters.gathered_seconds += self._loop.time() - sent_at
        error = answer.exception()
        if error is None:
            done(answer.result())
        elif isinstance(error, _FAILURES):
            self._repeat(call, error, lane, done)
        else:
            done(error if isinstance(error, Exception) else StoreAway(str(error)))

    def _repeat(
        self, call: Call, error: Exception, lane: Lane | None, done: "Callable[[Reply | Exception], None]"
    ) -> None:
        async def again() -> None:
            try:
                reply: Reply | Exception = await self._again(call, error, lane)
            except Exception as last:
                reply = last
            done(reply)

        task = self._loop.create_task(again())
        self._repeats.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._repeats.discard)

    def batch(
        self,
        script: ScriptLike,
        *,
        width: int = 1,
        repeat_safe: bool = False,
        keys_max: int = KEYS_MAX,
        failure: Callable[[Exception], Exception] | None = None,
        stamped: bool = False,
    ) -> Batch:
        """Gathers the questions of a tick into calls of ``script``; see ``batch``."""
        return Batch(
            self,
            script,
            width=width,
            repeat_safe=repeat_safe,
            keys_max=keys_max,
            failure=failure,
            stamped=stamped,
        )

    async def command(self, *words: Word, key: bytes | None = None, repeat_safe: bool = False) -> Reply:
        """Sends plain words to the node of ``key`` (None: any node). Raises as ``run`` does.

        Raises ValueError for commands that block a connection or change its state.
        """
        _refuse_stateful(words[0])
        self._counters.calls += 1
        packed = pack(words)
        lane = None
        try:
            lane = self._router.lane(key)
            return await lane.submit(packed)
        except _FAILURES as error:
            return await self._again(Call(key, packed, repeat_safe), error, lane)

    def key_of_each(self, stem: bytes) -> dict[bytes, str]:
        """A key on each primary, with the primary's name; the same object while nothing moved.

        Raises StoreAway. ``stem`` is the same at each call.
        """
        return self._router.key_of_each(stem)

    async def listen(
        self, key: bytes, channels: Sequence[bytes], heard: Heard, lost: Callable[[], None]
    ) -> Connection:
        """A connection of the caller's own to the node of ``key``, subscribed to the channels.

        ``heard(channel, message)`` is called in the order of the store, ``lost`` once when it ended, by
        ``abort`` too. Raises StoreAway, StoreRefused, DeadlineExceeded or ReplyError.
        """
        connection = await self._router.lane(key).dial_apart(lambda _connection, _cause: lost())
        try:
            await asyncio.gather(*connection.subscribe(channels, heard))
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _again(self, call: Call, error: Exception, lane: Lane | None) -> Reply:
        try:
            return await self._repeating.answer(call, error, lane)
        except _FAILURES as last:
            self._counters.count_error(last)
            raise

    async def probe(self) -> None:
        """Returns when every node in use is there and one takes a write.

        Raises ConnectionError or TimeoutError.

        A store that cannot write (its disk or its memory is full, it was demoted) still answers PING.
        """
        for lane in self._router.lanes():
            if not lane.connected:
                raise StoreAway(f"{lane.name}: away")
        await self.command("SET", PROBE_KEY, 1, "PX", PROBE_KEY_MS, key=PROBE_KEY, repeat_safe=True)

    def stats(self) -> ClientStats:
        lanes = self._router.lanes()
        counters = self._counters
        states = [lane.state for lane in lanes]
        return ClientStats(
            calls=counters.calls,
            errors=dict(counters.errors),
            in_flight=sum(lane.in_flight for lane in lanes),
            waiting=counters.waiting,
            batches=counters.batches,
            gathered_calls=counters.gathered_calls,
            gathered_keys=counters.gathered_keys,
            gathered_seconds=counters.gathered_seconds,
            reconnects=counters.reconnects,
            reloads=counters.reloads,
            repeats=counters.repeats,
            refreshes=counters.refreshes,
            nodes=len(lanes),
            breaker=next((word for word in ("open", "half-open") if word in states), "closed"),
        )

    async def aclose(self) -> None:
        """Ends all connections and background tasks; unanswered calls fail with ClientClosed."""
        await self._router.aclose()


def _refuse_stateful(word: Word) -> None:
    name = (word.decode("ascii", "replace") if isinstance(word, bytes) else str(word)).upper()
    if name in SHARED_CONNECTION_REFUSES:
        raise ValueError(f"{name} needs a connection of its own; this client shares one among all callers")
