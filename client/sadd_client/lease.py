"""Quota granted ahead: deducted by the platform when granted, spent here without asking."""

from dataclasses import dataclass

MARGIN = 1 / 64
"""The part of a lease's time that its holder leaves unused: with a clock 1.5 % slow nothing is spent late."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Quota that is ours until ``ends`` (of ``clock.now``)."""

    id: str
    tokens: int
    ends: float


def time_to_use(expires_in_ms: int) -> float:
    """Seconds that its holder counts from *before* it asked; the grantor counts later, and all of it."""
    return expires_in_ms / 1000 * (1 - MARGIN)
