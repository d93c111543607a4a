"""Ask Sadd whether a caller may proceed, by call or from a lease; and hold a crowd at your door in order."""

from sadd_client.client import AsyncClient, Client
from sadd_client.decision import Check, Decision
from sadd_client.door import AsyncDoor, Door
from sadd_client.errors import (
    Forbidden,
    IncompatiblePlatform,
    InvalidPass,
    InvalidRequest,
    InvalidTicket,
    PlatformAway,
    Problem,
    ProblemDetails,
    SaddError,
    Unauthenticated,
    UnknownPath,
    UnknownPolicy,
    UnknownRoom,
)
from sadd_client.key import Key
from sadd_client.limiter import AsyncLimiter, Limiter
from sadd_client.loss import LocalLimit, OnLoss
from sadd_client.passes import Pass, PassVerifier
from sadd_client.place import Place
from sadd_client.room import AsyncRoom, Room
from sadd_client.stats import ClientStats, LimiterStats
from sadd_client.version import __version__

__all__ = [
    "AsyncClient",
    "AsyncDoor",
    "AsyncLimiter",
    "AsyncRoom",
    "Check",
    "Client",
    "ClientStats",
    "Decision",
    "Door",
    "Forbidden",
    "IncompatiblePlatform",
    "InvalidPass",
    "InvalidRequest",
    "InvalidTicket",
    "Key",
    "Limiter",
    "LimiterStats",
    "LocalLimit",
    "OnLoss",
    "Pass",
    "PassVerifier",
    "Place",
    "PlatformAway",
    "Problem",
    "ProblemDetails",
    "Room",
    "SaddError",
    "Unauthenticated",
    "UnknownPath",
    "UnknownPolicy",
    "UnknownRoom",
    "__version__",
]
