"""One primary: a subscription of our own to it, and the canaries that prove that it hears.

::

    ordinary client --write + publish--> primary --subscription--> ear
         sent at T                                                 back: all that was told before T was heard

A notice that the primary sends goes the canary's way and in the same order. So when a canary comes back that
was sent at T, every notice of a purge that was acknowledged before T has come too.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from functools import partial
from importlib.resources import files
from typing import Protocol

import structlog

from sadd.valkey.client import ValkeyClient
from sadd.valkey.errors import StoreRefused
from sadd.valkey.script import Script
from sadd.valkey.wire import Connection

CANARY_KEY = b"cache:canary:"
CANARY_KEY_MS = 60_000
IN_FLIGHT_MAX = 16
"""Canaries that have not come back. While there are so many none is sent."""
SILENT_SECONDS = 2.0
"""A canary was sent and is not back for so long: the subscription may be half open, so another is made."""
REDIAL_SECONDS = 0.1
REDIAL_SECONDS_MAX = 2.0

log = structlog.get_logger("sadd.feed")


class Told(Protocol):
    """Whom an ear tells."""

    def heard(self, said: bytes) -> None: ...

    def lost(self) -> None:
        """Notices may be missing."""

    def proven(self, store_ms: int, sent_at: float) -> None: ...


class Ear:
    """Hears one primary, named by a ``key`` on it.

    ``proven_at`` is when (monotonic seconds) the last canary that came back was sent.
    """

    def __init__(
        self,
        client: ValkeyClient,
        key: bytes,
        channels: tuple[bytes, bytes],
        period_seconds: float,
        listener: Told,
    ) -> None:
        self._client = client
        self._key = key
        self._channel, self._own_channel = channels
        self._period_seconds = period_seconds
        self._listener = listener
        self._script = Script("feed.canary", files("sadd.feed").joinpath("canary.lua").read_bytes())
        self._number = 0
        self._sent: OrderedDict[int, float] = OrderedDict()
        self._connection: Connection | None = None
        self.proven_at = float("-inf")
        self.connections = 0

    async def run(self) -> None:
        """Until cancelled."""
        pause = REDIAL_SECONDS
        try:
            while True:
                if await self._connected():
                    pause = REDIAL_SECONDS
                    await self._prove()
                await asyncio.sleep(pause)
                pause = min(pause * 2, REDIAL_SECONDS_MAX)
        finally:
            if self._connection is not None:
                self._connection.abort()

    async def _connected(self) -> bool:
        channels = (self._channel, self._own_channel)
        with contextlib.suppress(ConnectionError, TimeoutError, RuntimeError, StoreRefused):
            self._sent.clear()
            self._connection = await self._client.listen(self._key, channels, self._heard, self._lost)
            if self._connection.lost:
                self._connection = None
                return False
            self.connections += 1
            self._listener.lost()  # what was told before this moment nobody heard
            return True
        return False

    async def _prove(self) -> None:
        """Sends canaries as long as they come back."""
        while self._connection is not None:
            sent_at = next(iter(self._sent.values()), None)
            if sent_at is not None and time.monotonic() - sent_at > SILENT_SECONDS:
                log.warning("feed silent, connecting anew", key=self._key.decode())
                self._connection.abort()
                return
            if len(self._sent) < IN_FLIGHT_MAX:
                self._send()
            await asyncio.sleep(self._period_seconds)

    def _send(self) -> None:
        self._number += 1
        self._sent[self._number] = time.monotonic()
        args = (self._own_channel, self._number, CANARY_KEY_MS)
        self._client.post(self._script, (self._key,), args, partial(self._answered, self._number))

    def _answered(self, number: int, reply: object) -> None:
        if isinstance(reply, Exception):  # the store did not take it, so that it will not come back
            self._sent.pop(number, None)

    def _heard(self, channel: bytes, said: bytes) -> None:
        if channel == self._channel:
            self._listener.heard(said)
            return
        number, store_ms = map(int, said.split(b" "))
        sent_at = self._sent.get(number)
        if sent_at is None:
            return
        while next(iter(self._sent)) != number:  # lost on the way there, with nothing that was told
            self._sent.popitem(last=False)
        del self._sent[number]
        self.proven_at = sent_at
        self._listener.proven(store_ms, sent_at)

    def _lost(self) -> None:
        if self._connection is None:
            return  # it ended before it was subscribed
        self._connection = None
        self.proven_at = float("-inf")
        self._listener.lost()
