"""What became of the requests that the gate let through, as the proxies tell it: the health of the origins.

A proxy asks the gate before the origin answers, so it tells afterwards, by a line of its access log sent as a
datagram (nginx's and HAProxy's own logging do that)::

    … sadd <service> "<status>" "<seconds, or 12 ms>"

Datagrams cost a visitor nothing and are lost without harm. Only those of ``gate.trusted_proxies`` are read;
what cannot be read is counted. What is told in a second is fed to each room at once.
"""

import asyncio
import re
import socket
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import structlog

from queueing.policy import Room
from queueing.store import StoreUnavailable
from sadd.gate.trust import Trust
from sadd.rooms.spec import RoomSpec

_log = structlog.get_logger("sadd.gate")

EVERY_SECONDS = 1.0
DATAGRAM_BYTES_MAX = 2_048
SERVICES_MAX = 4_096
"""Heard of within a second; more are let go, as is what nobody has a room for."""
LATENCY_SECONDS_MAX = 3_600.0
FAILED_FROM = 500
_LINE = re.compile(r'\bsadd ([\w.-]{1,200}) "([^"]{0,200})" "([^"]{0,200})"')
_STATUS = re.compile(r"\b[1-5]\d\d\b")
_TIME = re.compile(r"(?<![-\d.])(\d{1,9}(?:\.\d{1,9})?) ?(ms)?")


class View(Protocol):
    """What is asked of the rooms' view."""

    def of_service(self, service_id: str) -> RoomSpec | None: ...


class Rooms(Protocol):
    """What is asked of the rooms."""

    async def feedback(self, room: Room, ok: int, failed: int, latency_ms: float) -> None: ...


@dataclass(slots=True)
class Heard:
    """Of one service, since the last time."""

    ok: int = 0
    failed: int = 0
    latency_ms: float = 0.0
    """In sum."""


@dataclass(frozen=True, slots=True)
class OutcomesStats:
    told: dict[str, int]


class Outcomes(asyncio.DatagramProtocol):
    """Of one worker."""

    def __init__(self, rooms: Rooms, view: View, trust: Trust) -> None:
        self._rooms = rooms
        self._view = view
        self._trust = trust
        self._heard: dict[str, Heard] = {}
        self._told = Counter(heard=0, foreign=0, malformed=0, roomless=0)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._trust.visitor(addr[0], ()) is None:
            self._told["foreign"] += 1
            return
        outcome = outcome_of(data)
        if outcome is None:
            self._told["malformed"] += 1
            return
        self._take(*outcome)

    def _take(self, service: str, status: int, seconds: float) -> None:
        heard = self._heard.get(service)
        if heard is None:
            if len(self._heard) >= SERVICES_MAX or self._view.of_service(service) is None:
                self._told["roomless"] += 1
                return
            heard = self._heard[service] = Heard()
        self._told["heard"] += 1
        failed = status >= FAILED_FROM
        heard.failed += failed
        heard.ok += not failed
        heard.latency_ms += seconds * 1000

    async def feed(self) -> None:
        """Tell the rooms what was heard since the last time."""
        taken, self._heard = self._heard, {}
        for service, heard in taken.items():
            spec = self._view.of_service(service)
            if spec is None:
                continue
            mean_ms = heard.latency_ms / (heard.ok + heard.failed)
            try:
                await self._rooms.feedback(spec.room, heard.ok, heard.failed, mean_ms)
            except StoreUnavailable as away:  # old news is no news: the next second has its own
                _log.debug("an origin's health is not told", reason=str(away))

    async def run(self, listener: socket.socket) -> None:
        """Listen until cancelled. The socket is closed at the end."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=listener)
        try:
            while True:
                await asyncio.sleep(EVERY_SECONDS)
                await self.feed()
        finally:
            transport.close()

    def stats(self) -> OutcomesStats:
        return OutcomesStats(dict(self._told))


def outcome_of(line: bytes) -> tuple[str, int, float] | None:
    """Service, status and seconds of a line; None: it says none of that.

    nginx tells of several tries ``"502, 200" "0.010, 0.200"``: the last one counts. Of none it says ``"-"``.
    """
    if len(line) > DATAGRAM_BYTES_MAX:
        return None
    told = _LINE.search(line.decode("utf-8", "replace"))
    if told is None:
        return None
    service, statuses, times = told.groups()
    status, time = _last(_STATUS, statuses), _last(_TIME, times)
    if status is None or time is None:
        return None
    seconds = float(time[1]) / (1000 if time[2] else 1)
    return (service, int(status[0]), seconds) if seconds <= LATENCY_SECONDS_MAX else None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next((found for found in reversed(list(pattern.finditer(text)))), None)


def listen_for_datagrams(host: str, port: int) -> socket.socket:
    """On a port that all workers share: the kernel gives each datagram to one of them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_DGRAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.setblocking(False)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
