"""A rule of limits as people write it: whom it is for, and what it does to them.

``Rules`` is one immutable state of all of them, as a version in the database holds it. What the words mean
together is told by ``sadd.limits.rules``.
"""

from typing import Literal

import msgspec

Effect = Literal["limit", "unlimited", "allow", "deny"]
Algorithm = Literal["gcra", "sliding-window", "fixed-window", "calendar", "concurrency", "adaptive"]
Unit = Literal["day", "week", "month", "year"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
OnStoreLoss = Literal["open", "closed", "local"]
Without = Literal["skip", "together", "deny"]

CLASS_NAME = "class"
"""The limit's name that stands for the class of the service in the catalogue."""

PRIORITY_MAX = 1_000

POLICY_PREFIX = "rule."
"""A rule's policy is called so before its id: no service's id has a dot, so their counters never meet."""


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How much, and how it is counted. Which fields an algorithm needs: ``sadd.limits.policies``."""

    limit: int
    algorithm: Algorithm = "gcra"
    period_seconds: int | None = None
    burst: int | None = None
    """Of gcra; without it the limit itself may come at once."""
    unit: Unit | None = None
    zone: str | None = None
    week_begins: Weekday | None = None
    slot_seconds: int | None = None
    initial: int | None = None
    minimum: int | None = None
    timeout_ms: int | None = None
    on_store_loss: OnStoreLoss | None = None
    """Without it ``local``, and of what counts slots ``closed``: nobody but the store could count them."""


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Other numbers for some keys of a rule."""

    keys: tuple[str, ...]
    limit: int | None = None
    burst: int | None = None
    unlimited: bool = False


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a descriptor must be. Neither list: it must be there.

    A value may have ``*`` for any letters; of ``ip`` it is an address or a network.
    """

    descriptor: str
    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule. Without agency, service and route it is for the whole platform."""

    id: str
    effect: Effect = "limit"
    agency: str | None = None
    service: str | None = None
    route: str | None = None
    when: tuple[When, ...] = ()
    by: tuple[str, ...] = ("key",)
    """Descriptors whose values have a counter each; none is one counter for all."""
    without: Without = "skip"
    """What happens to a request that has not all descriptors of ``by``."""
    ipv4_prefix: int = 32
    ipv6_prefix: int = 64
    name: str | None = None
    """Of rules with one name the most specific holds; without a name a rule stands for itself."""
    limit: Limit | None = None
    overrides: tuple[Override, ...] = ()
    priority: int = 0
    shadow: bool = False
    """On trial: counted and told, and nobody is refused."""
    note: str = ""

    @property
    def policy_id(self) -> str:
        return POLICY_PREFIX + self.id

    @property
    def limit_name(self) -> str:
        return self.name or self.id


class Rules(msgspec.Struct, frozen=True):
    """All rules of one version. Version 0 is none, or rules that were read from files."""

    version: int = 0
    rules: tuple[Rule, ...] = ()
