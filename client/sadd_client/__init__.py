"""Ask Sadd whether a caller may proceed, by call or from a lease; and hold a crowd at your door in order."""

from sadd_client.caching.cache import AsyncCache, Cache
from sadd_client.caching.entry import Busy, Entry, Lease, Loaded, Times
from sadd_client.caching.recipe import Codec
from sadd_client.caching.stats import CacheStats
from sadd_client.client import AsyncClient, Client
from sadd_client.decision import Check, Decision
from sadd_client.door import AsyncDoor, Door
from sadd_client.errors import (
    CacheBusy,
    Forbidden,
    IncompatiblePlatform,
    InvalidPass,
    InvalidRequest,
    InvalidTicket,
    PlatformAway,
    Problem,
    ProblemDetails,
    SaddError,
    TooManySessions,
    Unauthenticated,
    UnknownPath,
    UnknownPolicy,
    UnknownRoom,
    VersionConflict,
)
from sadd_client.key import Key
from sadd_client.limiter import AsyncLimiter, Limiter
from sadd_client.loss import LocalLimit, OnLoss
from sadd_client.passes import Pass, PassVerifier
from sadd_client.place import Place
from sadd_client.room import AsyncRoom, Room
from sadd_client.sessions.cookie import Cookie
from sadd_client.sessions.session import ListedSession, Session
from sadd_client.sessions.sessions import AsyncSessions, Sessions
from sadd_client.sessions.visitor import Visitor
from sadd_client.stats import ClientStats, LimiterStats
from sadd_client.version import __version__

__all__ = [
    "AsyncCache",
    "AsyncClient",
    "AsyncDoor",
    "AsyncLimiter",
    "AsyncRoom",
    "AsyncSessions",
    "Busy",
    "Cache",
    "CacheBusy",
    "CacheStats",
    "Check",
    "Client",
    "ClientStats",
    "Codec",
    "Cookie",
    "Decision",
    "Door",
    "Entry",
    "Forbidden",
    "IncompatiblePlatform",
    "InvalidPass",
    "InvalidRequest",
    "InvalidTicket",
    "Key",
    "Lease",
    "Limiter",
    "LimiterStats",
    "ListedSession",
    "Loaded",
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
    "Session",
    "Sessions",
    "Times",
    "TooManySessions",
    "Unauthenticated",
    "UnknownPath",
    "UnknownPolicy",
    "UnknownRoom",
    "VersionConflict",
    "Visitor",
    "__version__",
]
