"""The connections to one platform: a bounded number, kept while they are good."""

from sadd_client.clock import now
from sadd_client.errors import PlatformAway
from sadd_client.ports import Io, Place
from sadd_client.wire import Answer, Connection, Request

IDLE_SECONDS_MAX = 30.0
"""Below the platform's 75: of two ends the one that asks should close, or a call may meet the closing."""


class Crowded(PlatformAway):
    """Too many calls of our own at once: it says nothing about the platform."""


class Pool:
    """``connections_max`` calls are under way at once; more wait for their turn until their deadline."""

    def __init__(
        self, place: Place, headers: list[tuple[bytes, bytes]], io: Io, connections_max: int
    ) -> None:
        self._place = place
        self._headers = headers
        self._io = io
        self._connections_max = connections_max
        self._turnstile = io.turnstile(connections_max)
        self._idle: list[tuple[float, Connection]] = []

    async def exchange(self, request: Request, deadline: float) -> Answer:
        """PlatformAway, with ``sent`` False only if not a byte of the request can have arrived."""
        if not await self._turnstile.acquire(deadline):
            raise Crowded(f"all {self._connections_max} connections were busy until the deadline")
        try:
            connection = self._kept() or await self._connect(deadline)
            try:
                answer = await connection.exchange(request, deadline)
            except BaseException:
                connection.close()
                raise
            self._keep(connection)
            return answer
        finally:
            self._turnstile.release()

    async def connect(self, deadline: float) -> Connection:
        """One more, for whoever listens for long; it is his to close, and none of ``connections_max``."""
        return await self._connect(deadline)

    def close(self) -> None:
        """Ends what is idle. What is under way ends with its call."""
        while self._idle:
            self._idle.pop()[1].close()

    def forget(self) -> None:
        """For a forked child: the connections are the parent's."""
        while self._idle:
            self._idle.pop()[1].disown()
        self._turnstile = self._io.turnstile(self._connections_max)

    def _kept(self) -> Connection | None:
        while self._idle:
            since, connection = self._idle.pop()
            if now() - since < IDLE_SECONDS_MAX and connection.reusable:
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        if connection.reusable:
            self._idle.append((now(), connection))
        else:
            connection.close()

    async def _connect(self, deadline: float) -> Connection:
        try:
            stream = await self._io.connect(self._place, deadline)
        except TimeoutError:
            raise PlatformAway("no connection within the deadline") from None
        except OSError as failed:
            raise PlatformAway(f"no connection: {failed}") from None
        return Connection(stream, self._headers)
