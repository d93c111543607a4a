"""The gate as an agent of HAProxy: one connection asks for many requests at once, and each gets its reply
as variables of its transaction.

Without the agent HAProxy goes on as its configuration says (docs/gate/haproxy-spoe.cfg), after 500 ms at
most. A peer that is no proxy of ours, or that speaks another protocol, is cut off.
"""

import asyncio
import socket
from collections import Counter
from dataclasses import dataclass
from typing import cast

import structlog
from multidict import CIMultiDict

from sadd.gate import spop
from sadd.gate.gate import Gate
from sadd.gate.knock import Knock
from sadd.gate.original import METHOD_FIELDS, URI_FIELDS
from sadd.gate.reply import Reply
from sadd.gate.spop import Frame, MalformedFrame, Value

IN_FLIGHT_MAX = 4096
"""Requests of one connection that wait for their reply; while there are so many, no more are read."""

_log = structlog.get_logger("sadd.gate")

_READ_ANEW = IN_FLIGHT_MAX // 2
_OWN = frozenset({"service", "ip", "method", "uri"})


@dataclass(frozen=True, slots=True)
class AgentStats:
    connections: int
    asked: int
    ended: dict[str, int]
    """Connections by why they ended."""


class Agents:
    """The connections of one worker."""

    def __init__(self, gate: Gate, client_ip_header: str) -> None:
        self.gate = gate
        self.client_ip_header = client_ip_header
        self.open: set[Agent] = set()
        self.asked = 0
        self.ended = Counter(foreign=0, malformed=0, bye=0)

    def __call__(self) -> "Agent":
        return Agent(self)

    async def serve(self, listener: socket.socket) -> None:
        """Serve until cancelled; then tell each HAProxy, and end. The socket is closed at the end."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(self, sock=listener)
            await server.serve_forever()
        finally:
            listener.close()
            for agent in list(self.open):
                agent.end("bye", spop.NORMAL, "the agent ends")

    def stats(self) -> AgentStats:
        return AgentStats(len(self.open), self.asked, dict(self.ended))


class Agent(asyncio.Protocol):
    """One connection of a HAProxy."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._buffer = b""
        self._in_flight = 0
        self._blocked = False
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._peer = transport.get_extra_info("peername")[0]
        self._agents.open.add(self)
        if not self._agents.gate.trusts(self._peer):
            self._agents.ended["foreign"] += 1
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self._agents.open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            self._take_frames()
        except MalformedFrame as error:
            self.end("malformed", spop.INVALID, str(error))

    def pause_writing(self) -> None:
        self._blocked = True
        self._flow()

    def resume_writing(self) -> None:
        self._blocked = False
        self._flow()

    def end(self, why: str, status: int, message: str) -> None:
        """Say so, and close."""
        if self._transport is None or self._transport.is_closing():
            return
        self._agents.ended[why] += 1
        self._transport.write(spop.disconnect(status, message))
        self._transport.close()

    def _take_frames(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= spop.LENGTH.size and self._transport is not None:
            (length,) = spop.LENGTH.unpack_from(buffer, at)
            if length > spop.FRAME_BYTES_MAX:
                raise MalformedFrame("too big")
            start = at + spop.LENGTH.size
            if len(buffer) < start + length:
                break
            at = start + length
            self._take(spop.parsed(buffer[start:at]))
        self._buffer = buffer[at:]

    def _take(self, frame: Frame) -> None:
        if frame.kind == spop.HELLO:
            self._greet(spop.pairs(frame.payload))
        elif frame.kind == spop.DISCONNECT:
            self.end("bye", spop.NORMAL, "bye")
        elif frame.kind == spop.NOTIFY and self._greeted:
            self._ask(frame)
        else:
            raise MalformedFrame(f"a frame of type {frame.kind}")

    def _greet(self, told: dict[str, Value]) -> None:
        versions = str(told.get("supported-versions")).replace(" ", "").split(",")
        size = told.get("max-frame-size")
        if not any(one.startswith("2.") for one in versions):
            self.end("malformed", spop.NO_VERSION, "version 2.0 is spoken here")
            return
        if not isinstance(size, int) or size < spop.FRAME_BYTES_MIN:
            self.end("malformed", spop.BAD_SIZE, "frames are too small")
            return
        assert self._transport is not None
        self._greeted = True
        self._transport.write(spop.hello(min(size, spop.FRAME_BYTES_MAX)))
        if told.get("healthcheck") is True:
            self._transport.close()

    def _ask(self, frame: Frame) -> None:
        """The first message is the question: one a NOTIFY is what the configuration has."""
        arguments = next((found for _, found in spop.messages(frame.payload)), {})
        self._in_flight += 1
        self._agents.asked += 1
        self._flow()
        try:
            self._agents.gate.ask(self._knock(arguments), lambda reply: self._answer(frame, reply))
        except Exception:  # the other requests of this connection want their replies
            _log.exception("a question could not be decided")
            self._answer(frame, Reply(500, {}))

    def _knock(self, arguments: dict[str, Value]) -> Knock:
        told = {name: str(value) for name, value in arguments.items() if value not in (None, "")}
        headers = CIMultiDict((name, value) for name, value in told.items() if name not in _OWN)
        headers[self._agents.client_ip_header] = told.get("ip", "")
        headers[URI_FIELDS[0]] = told.get("uri", "/")
        headers[METHOD_FIELDS[0]] = told.get("method", "GET")
        return Knock(told.get("service", ""), self._peer, headers)

    def _answer(self, frame: Frame, reply: Reply) -> None:
        self._in_flight -= 1
        if self._transport is None or self._transport.is_closing():
            return  # HAProxy has gone, and knows by itself what that means
        variables: dict[str, str | int] = {"status": reply.status}
        variables |= {name.lower().replace("-", "_"): value for name, value in reply.fields.items()}
        self._transport.write(spop.ack(frame.stream, frame.frame, variables))
        self._flow()

    def _flow(self) -> None:
        """Read while there is room for questions and for their answers."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._blocked or self._in_flight >= IN_FLIGHT_MAX:
            if transport.is_reading():
                transport.pause_reading()
        elif self._in_flight <= _READ_ANEW and not transport.is_reading():
            transport.resume_reading()
