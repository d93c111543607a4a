"""What to do for one caller, from what the store holds. It is decided here and nowhere else."""

import math
from dataclasses import dataclass
from typing import TypeAlias

from cache.entry import Entry


@dataclass(frozen=True, slots=True)
class Found:
    """What one trip to the store found: the entry that nothing purged, and who may load."""

    entry: Entry | None = None
    token: int | None = None
    """The lease is ours."""
    lease_ends_ms: int = 0
    """Another's, if later than now."""
    uncacheable_until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller would take."""

    stale: bool = True
    wait_until_ms: int = 0
    """How long it waits for another's load; in the past: not at all."""


@dataclass(frozen=True, slots=True)
class Serve:
    entry: Entry


@dataclass(frozen=True, slots=True)
class ServeAndRefresh:
    """Serve what there is, and load anew with the token."""

    entry: Entry
    token: int


@dataclass(frozen=True, slots=True)
class Lead:
    """Load. ``shared`` is False where everybody may: nobody waits for this load."""

    token: int
    shared: bool
    kept: Entry | None
    """To be validated, or for the case that the origin fails."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Another loads; ask again when the feed tells, at ``until_ms`` at the latest."""

    until_ms: int


@dataclass(frozen=True, slots=True)
class Refuse:
    retry_after_ms: int


Decision: TypeAlias = Serve | ServeAndRefresh | Lead | Wait | Refuse


def decide(found: Found, now_ms: int, wanted: Wanted) -> Decision:
    """Fresh before stale, stale before loading, loading before waiting, waiting before a refusal.

    ::

        entry    lease       stale taken           stale not taken
        fresh    –           Serve                 Serve
        fresh    ours        ServeAndRefresh       ServeAndRefresh   (it was asked for early)
        stale    ours        ServeAndRefresh       Lead
        stale    another's   Serve                 Wait, then Refuse
        none     ours        Lead                  Lead
        none     another's   Wait, then Refuse     Wait, then Refuse
    """
    entry = found.entry
    if entry is not None and (now_ms < entry.soft_ms or (wanted.stale and now_ms < entry.hard_ms)):
        return Serve(entry) if found.token is None else ServeAndRefresh(entry, found.token)
    if found.token is not None:
        return Lead(found.token, found.uncacheable_until_ms <= now_ms, entry)
    ends_ms = max(found.lease_ends_ms, now_ms + 1)
    if wanted.wait_until_ms > now_ms:
        return Wait(min(ends_ms, wanted.wait_until_ms))
    return Refuse(ends_ms - now_ms)


def spare(entry: Entry | None, now_ms: int) -> Entry | None:
    """The entry if it may be served in the place of an origin that failed (RFC 5861, section 4)."""
    return entry if entry is not None and now_ms < entry.ends_ms() else None


def early(entry: Entry, now_ms: int, beta: float, draw: float) -> bool:
    """Whether to load anew before the end, so that not everybody does so at the end (XFetch).

    Only where stale is forbidden: else the stale time does it. ``draw`` is uniform in (0, 1]. Vattani,
    Chierichetti, Lowenstein, "Optimal probabilistic cache stampede prevention", VLDB 2015.
    """
    if entry.soft_ms != entry.hard_ms or not beta:
        return False
    return -entry.cost_ms * beta * math.log(draw) >= entry.soft_ms - now_ms
