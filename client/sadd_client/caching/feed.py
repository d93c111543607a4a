"""What is invalidated in a namespace, heard as it happens; and until when we know that we heard all of it.

Connection gone, a gap, a line that makes no sense: everything counts as invalid, and a new stream begins.
"""

import json
import logging
from collections.abc import Callable
from typing import Any

from sadd_client.answers import retry_after_seconds
from sadd_client.caching.bumps import Bumps
from sadd_client.caching.proof import Proof
from sadd_client.clock import now
from sadd_client.errors import PlatformAway, SaddError
from sadd_client.pool import Pool
from sadd_client.ports import Io
from sadd_client.retry import backoff_seconds
from sadd_client.sse import Event, Parser
from sadd_client.wire import Answer, Connection, Request

LOOK_SECONDS = 0.5
"""Between two looks of a thread whether its client was closed."""
QUIET_SECONDS_MAX = 20.0
"""The platform says something every 15 seconds at least. Who is silent for longer is gone, whatever TCP
thinks; the memory was silent long before."""
PAUSE_SECONDS_MIN = 0.1
REFUSED_PAUSE_SECONDS = 5.0
LINE_SECONDS = 60.0

_log = logging.getLogger("sadd_client")


class Feed:
    """``mutex`` guards ``bumps``, ``proof`` and what ``dropped`` touches. Begins when first needed."""

    def __init__(
        self,
        pool: Pool,
        io: Io,
        path: str,
        deadline_seconds: float,
        bound_seconds: float,
        dropped: Callable[[str | None], None],
    ) -> None:
        self.bumps = Bumps()
        self.proof = Proof(bound_seconds)
        self.mutex = io.mutex()
        self.streams = 0
        """How many began."""
        self._pool, self._io = pool, io
        self._request = Request("GET", path, headers=((b"Accept", b"text/event-stream"),))
        self._deadline_seconds = deadline_seconds
        self._dropped = dropped
        self._stop: Callable[[], object] | None = None
        self._ended = False
        self._silent_until = 0.0

    def begin(self) -> None:
        """Listen from now on, beside the callers."""
        with self.mutex:
            if self._stop is not None or self._ended:
                return
            self._stop = lambda: None
        self._stop = self._io.attend(self._listen())

    def end(self) -> None:
        self._ended = True
        self._lose()
        if self._stop is not None:
            self._stop()

    def forget(self) -> None:
        """For a forked child: the stream is the parent's."""
        self.mutex = self._io.mutex()
        self._stop = None
        self._lose()

    async def _listen(self) -> None:
        attempt = 0
        while not self._ended:
            pause, before = max(PAUSE_SECONDS_MIN, backoff_seconds(attempt, 1.0)), self.streams
            try:
                await self._hear()
            except PlatformAway as away:
                pause = max(pause, away.retry_after_seconds or 0.0)
            except (SaddError, ValueError, KeyError, TypeError) as wrong:
                self._tell(wrong)
                pause = REFUSED_PAUSE_SECONDS
            finally:
                self._lose()
            attempt = 0 if self.streams > before else attempt + 1
            await self._rest(pause)

    async def _rest(self, seconds: float) -> None:
        """In steps, so that a thread sees its end soon."""
        until = now() + seconds
        while not self._ended and (left := until - now()) > 0:
            await self._io.pause(min(left, 0.25))

    async def _hear(self) -> None:
        """One stream, to its end."""
        connection = await self._pool.connect(now() + self._deadline_seconds)
        try:
            asked_at = now()
            answer = await connection.listen(self._request, asked_at + self._deadline_seconds)
            if answer.status != 200:
                _refuse(answer)
            self.streams += 1
            await self._follow(connection, asked_at)
        finally:
            connection.close()

    async def _follow(self, connection: Connection, asked_at: float) -> None:
        parser, heard_at = Parser(), now()
        while not self._ended and now() - heard_at < QUIET_SECONDS_MAX:
            came = await connection.piece(now() + LOOK_SECONDS)
            if came is None:
                continue
            if not came:
                return
            heard_at = now()
            with self.mutex:
                for event in parser.feed(came):
                    self._take(event, asked_at)

    def _take(self, event: Event, asked_at: float) -> None:
        """Within the mutex."""
        said: dict[str, Any] = json.loads(event.text)
        match event.kind:
            case "hello":
                self._forget_all()  # what ended before they began to listen for us nobody tells
                self.proof.hello(asked_at, int(said["now_ms"]))
            case "alive":
                self.proof.alive(int(said["proven_ms"]))
            case "bump":
                self._bump(str(said["kind"]), str(said["name"]))
            case "gap":
                self._forget_all()

    def _bump(self, kind: str, name: str) -> None:
        match kind:
            case "key":
                self.bumps.key(name)
                self._dropped(name)
            case "tag":
                self.bumps.tag(name)  # entries of it are found out when they are next looked at
            case _:
                self._forget_all()

    def _forget_all(self) -> None:
        self.bumps.everything()
        self._dropped(None)

    def _lose(self) -> None:
        with self.mutex:
            self.proof.lost()
            self._forget_all()

    def _tell(self, wrong: Exception) -> None:
        if now() >= self._silent_until:
            self._silent_until = now() + LINE_SECONDS
            _log.error("the memory of this process is off, it cannot hear what is invalidated: %s", wrong)


def _refuse(answer: Answer) -> None:
    """503 is a platform without a place for one more stream, or on its way out: it is asked each time."""
    if answer.status == 503:
        after = retry_after_seconds(answer)
        raise PlatformAway("there is no place for a stream", sent=True, retry_after_seconds=after)
    raise ValueError(f"the platform answers {answer.status}")
