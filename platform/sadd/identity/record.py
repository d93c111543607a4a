"""What is known of an API key without its secret, and what is asked of a new one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sadd.identity.caller import SCOPES

State = Literal["live", "expired", "revoked"]

LABEL_LENGTH_MAX = 100


@dataclass(frozen=True, slots=True)
class KeyRecord:
    prefix: str
    agency: str
    scopes: tuple[str, ...]
    label: str
    created_at: datetime
    expires_at: datetime | None
    """None is never."""
    last_used_at: datetime | None
    """None is not yet. Written in batches: it lags by up to ``identity.last_used_interval_seconds``."""
    revoked_at: datetime | None

    def state(self, now: datetime) -> State:
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "live"

    def as_json(self) -> dict[str, Any]:
        """For answers and audit rows: times in ISO 8601."""
        return {
            "prefix": self.prefix,
            "agency": self.agency,
            "scopes": list(self.scopes),
            "label": self.label,
            "created_at": _iso(self.created_at),
            "expires_at": _iso(self.expires_at),
            "last_used_at": _iso(self.last_used_at),
            "revoked_at": _iso(self.revoked_at),
        }


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What a new key shall be. ValueError when it may do nothing, or something that there is not.

    Whether the agency exists is for the catalogue to say: the caller has asked it.
    """

    agency: str
    scopes: frozenset[str]
    label: str = ""
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.scopes:
            raise ValueError("a key without a scope opens nothing")
        if unknown := sorted(self.scopes - SCOPES):
            raise ValueError(f"no such scope: {', '.join(unknown)}; there are {', '.join(sorted(SCOPES))}")
        if len(self.label) > LABEL_LENGTH_MAX or not self.label.isprintable():
            raise ValueError(f"a label is one line of at most {LABEL_LENGTH_MAX} characters")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")
