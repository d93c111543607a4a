"""One connection: the commands of an event-loop tick go out in one write, answers come back in order.

::

    submit(a) submit(b) ... end of tick: write(a+b+...)       pending: a b c d e
    ---------------------------------------------------       marks:      (2, t0) (5, t1)
    answers -> the oldest pending future, in order            deadline: looks at the oldest mark only

There is no timer a call: commands of one write share one mark, and one timer a connection stands at
the oldest mark's deadline.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, cast

from hiredis import HiredisError, Reader, pack_command

from sadd.valkey.errors import (
    ClientClosed,
    ConnectionLost,
    DeadlineExceeded,
    InFlightFull,
    StoreStalled,
    error_of_reply,
)
from sadd.valkey.stats import Counters

Reply: TypeAlias = "bytes | int | list[Reply] | None"
Word: TypeAlias = bytes | int | str
Answer: TypeAlias = "asyncio.Future[Reply]"

pack = cast("Callable[[tuple[Word, ...]], bytes]", pack_command)  # its own type takes one word only

UNSENT_BYTES_MAX = 16 * 1024 * 1024
"""Past this many bytes that the socket would not take, calls are refused until it drains."""

SPLIT_COMMANDS = 64
"""A larger tick goes out in parts of this size, so that the store works on the first while we make the rest.

With 256 in flight and one write a tick, client and store took turns instead of working side by side.
"""
GRACE_SECONDS = 0.002

_MORE = object()  # what the reader answers when the next reply is not complete


@dataclass(frozen=True, slots=True)
class Bounds:
    """What limits the calls on one connection."""

    deadline_seconds: float
    max_in_flight: int


class Connection(asyncio.Protocol):
    """The wire to one node. ``on_lost(connection, cause)`` is called once, when it is gone for good."""

    def __init__(self, name: str, bounds: Bounds, counters: Counters, on_lost: "OnLost") -> None:
        self.lost = False
        self.incarnation = b""
        """Which run of which server this is, with which history; known once the dial is done."""
        self._name = name
        self._deadline_seconds = bounds.deadline_seconds
        self._max_in_flight = bounds.max_in_flight
        self._counters = counters
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._new_future: Callable[[], Answer] = self._loop.create_future
        self._reader = Reader(replyError=error_of_reply, notEnoughData=_MORE)
        self._transport: asyncio.Transport | None = None
        self._outbox: list[bytes] = []
        self._pending: deque[Answer] = deque()
        self._marks: deque[tuple[int, float]] = deque()
        self._flushed = 0  # commands written since the connection was made
        self._heard_at = self._loop.time()
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._paused = self._full = False
        self._heard: Heard | None = None
        self._nobody: Answer = self._loop.create_future()
        self._nobody.set_result(None)

    def bind(self, bounds: Bounds) -> None:
        """Other bounds from here on: a handshake has its own. Nothing may be unanswered."""
        assert not self._pending, "bounds change between calls"
        self._marks.clear()
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None
        self._deadline_seconds = bounds.deadline_seconds
        self._max_in_flight = bounds.max_in_flight

    # -- calls ---------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        return len(self._pending)

    def submit(self, command: bytes) -> Answer:
        """The future answer to a packed command. Raises InFlightFull. Cancel it freely: its place is kept."""
        if len(self._pending) >= self._max_in_flight or self._full:
            raise InFlightFull(f"{self._name}: {len(self._pending)} calls are unanswered")
        answer = self._new_future()
        self._pending.append(answer)
        outbox = self._outbox
        outbox.append(command)
        if len(outbox) == 1:
            self._loop.call_soon(self.flush)
        elif len(outbox) == SPLIT_COMMANDS:
            self.flush()
        return answer

    def submit_unanswered(self, command: bytes) -> None:
        """Sends a command whose answer, even an error, interests nobody (ASKING)."""
        if not self._outbox:
            self._loop.call_soon(self.flush)
        self._pending.append(self._nobody)
        self._outbox.append(command)

    def subscribe(self, channels: Sequence[bytes], heard: "Heard") -> "list[Answer]":
        """From here on ``heard(channel, message)`` is called in the order of the store; an answer a channel.

        Such a connection takes no other commands.
        """
        self._heard = heard
        return [self.submit(pack((b"SUBSCRIBE", channel))) for channel in channels]

    def flush(self) -> None:
        """Writes what was submitted. It happens by itself at the end of the tick."""
        transport = self._transport
        if transport is None or transport.is_closing() or not self._outbox:
            return  # connection_lost fails what is in the outbox, as never written
        outbox = self._outbox
        self._outbox = []
        transport.write(b"".join(outbox))
        if self._paused:
            self._full = transport.get_write_buffer_size() > UNSENT_BYTES_MAX
        self._counters.batches += 1
        self._mark(len(outbox))

    # -- deadlines -----------------------------------------------------------

    def _mark(self, commands: int) -> None:
        now = self._loop.time()
        marks = self._marks
        self._flushed += commands
        answered = self._flushed - len(self._pending)
        while marks and marks[0][0] <= answered:
            marks.popleft()
        marks.append((self._flushed, now))
        if self._sweep_timer is None:
            self._sweep_timer = self._loop.call_at(now + self._deadline_seconds, self._sweep)

    def _sweep(self) -> None:
        # When this process itself was held up, the answers lie unread in the socket, and uvloop runs timers
        # before it reads. So look once more after the loop had its turn at the sockets.
        self._sweep_timer = self._loop.call_later(GRACE_SECONDS, self._judge)

    def _judge(self) -> None:
        """Fails what is overdue; stands again at the deadline of the oldest mark that is not."""
        self._sweep_timer = None
        marks = self._marks
        oldest = self._flushed - (len(self._pending) - len(self._outbox))
        overdue_at = self._loop.time() - self._deadline_seconds
        overdue = 0
        while marks and (marks[0][0] <= oldest or marks[0][1] <= overdue_at):
            overdue = max(overdue, marks.popleft()[0] - oldest)
        if overdue and self._heard_at <= overdue_at:
            self.abort(StoreStalled(f"{self._name}: nothing came for {self._deadline_seconds:.3f} s"))
            return
        for answer in islice(self._pending, overdue):
            if not answer.done():
                answer.set_exception(
                    DeadlineExceeded(f"{self._name}: no answer in {self._deadline_seconds:.3f} s")
                )
        if marks:
            self._sweep_timer = self._loop.call_at(marks[0][1] + self._deadline_seconds, self._sweep)

    # -- asyncio.Protocol ----------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = stream = cast("asyncio.Transport", transport)  # uvloop's is none by isinstance
        if self.lost:
            stream.abort()  # given up while the socket was still connecting
        # Above nought uvloop keeps small writes until the end of the tick, and SPLIT_COMMANDS is in vain.
        stream.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        if self.lost:
            return  # aborted: nobody waits for these any more
        self._heard_at = self._loop.time()
        try:
            self._reader.feed(data)
            if self._heard is None:
                self._answer()
            else:
                self._hear(self._heard)
        except (HiredisError, IndexError):
            # Not RESP, or more answers than questions (a server that refuses says so before it is asked).
            self.abort(ConnectionLost(f"{self._name}: sent what is no answer", written=True))

    def _answer(self) -> None:
        gets = self._reader.gets
        next_pending = self._pending.popleft
        while (reply := gets()) is not _MORE:
            answer = next_pending()
            # The caller may be gone (cancelled) or out of time. That is its own affair and nobody else's.
            if answer.done():
                continue
            if isinstance(reply, Exception):
                answer.set_exception(reply)
            else:
                answer.set_result(reply)

    def _hear(self, heard: "Heard") -> None:
        while (reply := self._reader.gets()) is not _MORE:
            if isinstance(reply, list) and len(reply) == 3 and reply[0] == b"message":
                heard(reply[1], reply[2])
                continue
            answer = self._pending.popleft()
            if not answer.done():
                settle = answer.set_exception if isinstance(reply, Exception) else answer.set_result
                settle(reply)

    def pause_writing(self) -> None:
        self._paused = True  # the socket takes no more for now, which alone is no reason to refuse calls

    def resume_writing(self) -> None:
        self._paused = self._full = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)

    # -- the end -------------------------------------------------------------

    def abort(self, cause: BaseException | None = None) -> None:
        """Ends it now: callers get their errors at once, without waiting for the socket."""
        self._end(cause)
        if self._transport is not None:
            self._transport.abort()

    def _end(self, cause: BaseException | None) -> None:
        if not self.lost:
            self.lost = True
            self._fail_all(cause)
            self._on_lost(self, cause)

    def _fail_all(self, cause: BaseException | None) -> None:
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None
        written = len(self._pending) - len(self._outbox)
        for place, answer in enumerate(self._pending):
            if not answer.done():
                answer.set_exception(self._loss(cause, place < written))
        self._pending.clear()
        self._outbox.clear()
        self._marks.clear()

    def _loss(self, cause: BaseException | None, written: bool) -> Exception:
        # A new exception for each caller: a shared one would gather everybody's traceback.
        if isinstance(cause, ClientClosed) or (isinstance(cause, StoreStalled) and written):
            return type(cause)(*cause.args)
        if isinstance(cause, ConnectionLost):
            return ConnectionLost(str(cause), written)
        reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else "closed by the store"
        return ConnectionLost(f"{self._name}: connection lost ({reason})", written)


OnLost = Callable[[Connection, BaseException | None], None]
Heard = Callable[[bytes, bytes], None]
