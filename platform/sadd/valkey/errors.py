"""What can go wrong between a caller and the store.

::

    ConnectionError (builtin)
      StoreAway             the store cannot be reached, or refuses for now
        BreakerOpen         known to be away: refused at once, nothing was sent
        InFlightFull        the bound on unanswered calls is reached: refused at once, nothing was sent
        ConnectionLost      the connection broke under the call; ``written`` says whether it may have run
        NotReady            the node answered that it cannot serve now (LOADING, CLUSTERDOWN, READONLY ...)
        ClientClosed        aclose() was called
    TimeoutError (builtin)
      DeadlineExceeded      no answer within the deadline; the call may have run
        StoreStalled        ... and not one byte came in a whole deadline: the breaker opens
    RuntimeError (builtin)
      ReplyError            the store answered with an error: the call or the script is wrong
        NoScript, Moved, Ask   answered by the client itself; callers never see them
    ValueError (builtin)
      StoreRefused          this store, URL or setting must not be used: stop start-up

Services catch ``(ConnectionError, TimeoutError)``. No message ever holds a password or a URL.
"""


class StoreAway(ConnectionError):
    """The store cannot be reached, or refuses for now."""


class BreakerOpen(StoreAway):
    """The store is known to be away; the call was refused at once and never sent."""


class InFlightFull(StoreAway):
    """Too many calls are unanswered; the call was refused at once and never sent."""


class ClientClosed(StoreAway):
    """The client was closed."""


class ConnectionLost(StoreAway):
    """The connection broke before the answer came.

    ``written`` is False when the command never left this process, so that it certainly did not run.
    """

    def __init__(self, message: str, written: bool) -> None:
        super().__init__(message)
        self.written = written


class NotReady(StoreAway):
    """The node answered that it cannot serve this now; the command did not run. ``code`` is its word."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = code_of(message)


class DeadlineExceeded(TimeoutError):
    """No answer came within the deadline. The command may have run."""


class StoreStalled(DeadlineExceeded):
    """Not one byte came from the node in a whole deadline. The command may have run."""


class ReplyError(RuntimeError):
    """The store answered with an error. ``code`` is its first word (``WRONGTYPE``, ``ERR``)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = code_of(message)


class NoScript(ReplyError):
    """The node does not hold the script (restart, fail-over, SCRIPT FLUSH)."""


class Moved(ReplyError):
    """``MOVED slot host:port``: another node owns the slot for good."""


class Ask(ReplyError):
    """``ASK slot host:port``: this one key is on its way to another node."""


class StoreRefused(ValueError):
    """This store must not be used as it is; the message names what was found and what is accepted."""


NOT_READY = frozenset(
    {
        "BUSY",  # a script runs longer than it should
        "CLUSTERDOWN",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",  # cannot write its files
        "NOREPLICAS",  # the fence of min-replicas-to-write
        "OOM",
        "READONLY",  # demoted: a fail-over is under way
        "TRYAGAIN",  # keys of one call lie on both sides of a slot migration
    }
)

_SPECIAL: dict[str, type[ReplyError]] = {"NOSCRIPT": NoScript, "MOVED": Moved, "ASK": Ask}


def code_of(message: str) -> str:
    return message.partition(" ")[0]


def error_of_reply(message: str) -> Exception:
    """The exception for an error line of the store."""
    code = code_of(message)
    if code in NOT_READY:
        return NotReady(message)
    return _SPECIAL.get(code, ReplyError)(message)
