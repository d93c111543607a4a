"""Which request this is: its id and its W3C trace, for the answer and for every log line.

Both arrive from outside and are believed only if well-formed; else they are made here.
"""

import os
import random
import re
from contextvars import ContextVar
from dataclasses import dataclass

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=+/@-]{0,127}")
_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace_id>[0-9a-f]{32})-(?P<span_id>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
)

# Neither ids nor spans are secrets: they need to differ, not to be unguessable.
_random = random.Random(os.urandom(16))  # noqa: S311
os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(16)))


@dataclass(frozen=True, slots=True)
class Trace:
    """One position in a trace: its id, our span in it, the span that called us, and the flags."""

    trace_id: str
    span_id: str
    parent_id: str | None
    flags: int

    @property
    def traceparent(self) -> str:
        """The header to send on, and to answer with as ``traceresponse``."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


def continued(traceparent: str) -> Trace | None:
    """Our position in the caller's trace; None if the header is not well-formed.

    A version that we do not know is read by its first four fields; version ff and ids of zeros are
    invalid (W3C Trace Context).
    """
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["rest"]):
        return None
    if not int(found["trace_id"], 16) or not int(found["span_id"], 16):
        return None
    # Of the flags only "sampled" and "random trace id" are known; others must not be sent on.
    return Trace(found["trace_id"], _span_id(), found["span_id"], int(found["flags"], 16) & 0x03)


def started() -> Trace:
    """A trace that begins here, not sampled, with a random id."""
    return Trace(f"{_random.getrandbits(128) or 1:032x}", _span_id(), None, 0x02)


def _span_id() -> str:
    return f"{_random.getrandbits(64) or 1:016x}"


def request_id_from(header: str | None) -> str:
    """The caller's request id if it is well-formed, else a new one of 24 hexadecimal digits."""
    if header is not None and _REQUEST_ID.fullmatch(header):
        return header
    return new_request_id()


def new_request_id() -> str:
    return _random.getrandbits(96).to_bytes(12).hex()


class RequestContext:
    """The id and the trace of one request. The trace is worked out when it is first asked for.

    ``traceparent`` is the caller's header as it came, or None.
    """

    __slots__ = ("_trace", "agency", "request_id", "traceparent")

    def __init__(self, request_id: str, traceparent: str | None) -> None:
        self.request_id = request_id
        self.agency: str | None = None  # of the caller, once it is known
        self.traceparent = traceparent
        self._trace: Trace | None = None

    @property
    def trace(self) -> Trace:
        if self._trace is None:
            caller = continued(self.traceparent) if self.traceparent is not None else None
            self._trace = caller or started()
        return self._trace


_current: ContextVar[RequestContext | None] = ContextVar("sadd_request", default=None)

current_request = _current.get
"""The request that this task works on, or None."""

enter_request = _current.set
"""Make a request the current one for the rest of this task (aiohttp runs one task a request)."""
