"""One call on one connection: what has come of its request, and what its answer still waits for."""

from typing import TYPE_CHECKING, Protocol

from sadd.grpc.status import Method, Result

if TYPE_CHECKING:
    from sadd.grpc.blocks import Head


class Answered(Protocol):
    """Where a call's answer goes."""

    def answered(self, stream: "Stream", result: Result) -> None: ...


class Stream:
    """A call from its header block until the last byte of its answer was handed to the transport."""

    __slots__ = ("_to", "body", "complete", "ends_at", "held", "id", "method", "taken", "window", "working")

    def __init__(self, to: Answered, stream_id: int, head: "Head", now: float, window: int) -> None:
        self._to: Answered | None = to
        self.id = stream_id
        self.method: Method = head.method
        self.ends_at = now + head.timeout_seconds
        self.window = window
        """Bytes of DATA that the peer takes on this stream; below 0 after it took some back."""
        self.body: bytes | bytearray = b""
        self.taken = 0
        """Bytes of the connection's window that the request holds."""
        self.complete = False
        """The client has sent all it will send."""
        self.working = False
        self.held: bytes | None = None
        """What of the answer's DATA waits for the peer's window."""

    @property
    def at_work(self) -> bool:
        """The method has the request, and has not answered."""
        return self.working and self._to is not None

    def done(self, result: Result) -> None:
        """Answer the call. The first answer counts; never raises."""
        to, self._to = self._to, None
        if to is not None:
            to.answered(self, result)
