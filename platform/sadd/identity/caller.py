"""Who calls: the value that the rest of the platform sees of an API key."""

from dataclasses import dataclass

SCOPES = frozenset(
    {
        "limits:check",
        "limits:admin",
        "cache:read",
        "cache:write",
        "sessions:read",
        "sessions:write",
        "sessions:admin",
        "catalogue:write",
        "queues:admin",
        "queues:feedback",
        "queues:join",
    }
)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated key: its public prefix, its agency, and what it may do."""

    prefix: str
    agency: str
    scopes: frozenset[str]
