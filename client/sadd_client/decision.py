"""The question and the answer. A refusal is an answer too: it has numbers in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

DecidedBy = Literal["platform", "lease", "memory", "open", "closed", "local"]

COST_MAX = 1_000_000_000
KEY_BYTES_MAX = 512


@dataclass(frozen=True, slots=True)
class Check:
    """May ``key`` take ``cost`` of ``policy`` now? Cost 0 only looks.

    ``route`` and ``descriptors`` (``app``, ``citizen``, ``ip``, ``header:<name>``) are what rules look at.
    Raises ValueError for a cost or key out of the platform's bounds: that is no reason to ask it.
    """

    policy: str
    key: str
    cost: int = 1
    route: str = ""
    descriptors: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.cost <= COST_MAX:
            raise ValueError(f"cost is {self.cost}, not 0..{COST_MAX}")
        if len(self.key.encode()) > KEY_BYTES_MAX:
            raise ValueError(f"key is longer than {KEY_BYTES_MAX} bytes")
        if not self.policy:
            raise ValueError("policy is empty")

    @property
    def members(self) -> dict[str, Any]:
        """As the platform takes it; what has nothing to say is left out."""
        said: dict[str, Any] = {"policy": self.policy, "key": self.key}
        if self.route:
            said["route"] = self.route
        if self.descriptors:
            said["descriptors"] = dict(self.descriptors)
        return said


@dataclass(frozen=True, slots=True)
class Decision:
    """May the caller proceed, and if not, when.

    ``decided_by`` is ``platform``, or ``lease`` (from quota granted before), or ``memory`` (refused by the
    platform less than a second ago), or this client's way while the platform is away: ``open``, ``closed``,
    ``local``. Numbers that nobody knows are None. ``retry_after_ms`` is None when allowed, and also when no
    wait will help (a ban, a cost above the burst). ``fallback`` is the *platform's* way while its store is
    away. ``rule`` is the rule behind the numbers, and ``violated_policies`` are all that refused, if several
    limits hold. ``rate_limit`` and ``rate_limit_policy`` are the answer's fields to hand on, as they came;
    from memory ``rate_limit`` is of the one limit whose wait is told, with what is left of it.
    """

    allowed: bool
    policy: str
    limit: int | None = None
    remaining: int | None = None
    reset_after_ms: int | None = None
    retry_after_ms: int | None = None
    decided_by: DecidedBy = "platform"
    fallback: str | None = None
    rule: str | None = None
    violated_policies: tuple[str, ...] = ()
    rate_limit: str | None = None
    rate_limit_policy: str | None = None
