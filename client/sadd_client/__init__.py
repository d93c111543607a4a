"""Ask Sadd whether a caller may proceed: by call, or a million times a second from a lease."""

from sadd_client.client import AsyncClient, Client
from sadd_client.decision import Check, Decision
from sadd_client.errors import (
    Forbidden,
    IncompatiblePlatform,
    InvalidRequest,
    PlatformAway,
    Problem,
    ProblemDetails,
    SaddError,
    Unauthenticated,
    UnknownPath,
    UnknownPolicy,
)
from sadd_client.key import Key
from sadd_client.limiter import AsyncLimiter, Limiter
from sadd_client.loss import LocalLimit, OnLoss
from sadd_client.stats import ClientStats, LimiterStats
from sadd_client.version import __version__

__all__ = [
    "AsyncClient",
    "AsyncLimiter",
    "Check",
    "Client",
    "ClientStats",
    "Decision",
    "Forbidden",
    "IncompatiblePlatform",
    "InvalidRequest",
    "Key",
    "Limiter",
    "LimiterStats",
    "LocalLimit",
    "OnLoss",
    "PlatformAway",
    "Problem",
    "ProblemDetails",
    "SaddError",
    "Unauthenticated",
    "UnknownPath",
    "UnknownPolicy",
    "__version__",
]
