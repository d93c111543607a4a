"""What a configuration says, as values: units, rules, and the tree that requests are looked up in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Unit = Literal["SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"]

SECONDS: Mapping[Unit, int] = {
    "SECOND": 1,
    "MINUTE": 60,
    "HOUR": 3_600,
    "DAY": 86_400,
    "WEEK": 7 * 86_400,
    "MONTH": 30 * 86_400,
    "YEAR": 365 * 86_400,
}
"""Lengths as envoyproxy/ratelimit has them. Windows begin at multiples since 1970: days at midnight UTC,
weeks on Thursdays, months and years by no calendar."""

UINT32_MAX = 2**32 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A ``rate_limit`` with the switches beside it. ``unit`` is None exactly if it is unlimited.

    Each is only itself: what a rule means is kept by it, and looked up for each request.
    """

    full_key: str
    """``domain.key_value.subkey``: where it stands, and its name in metrics."""
    requests_per_unit: int
    unit: Unit | None
    name: str = ""
    replaces: frozenset[str] = frozenset()
    shadow_mode: bool = False
    quota_mode: bool = False
    detailed_metric: bool = False

    @property
    def unlimited(self) -> bool:
        return self.unit is None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A joined key with ``*`` in it, split there."""

    joined: str
    parts: tuple[str, ...]

    def matches(self, joined: str) -> bool:
        """Each ``*`` is any letters or none. Greedy from the left, which finds a match if there is one."""
        first, *middle, last = self.parts
        if not joined.startswith(first) or len(joined) < len(first) + len(last):
            return False
        at = len(first)
        for part in middle:
            found = joined.find(part, at, len(joined) - len(last))
            if found < 0:
                return False
            at = found + len(part)
        return joined.endswith(last) and at <= len(joined) - len(last)


Entry = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Match:
    """The rule that holds for a descriptor, and what its numbers are shown under.

    ``counted`` are the entries that name its counter where they are not the descriptor's own: with
    ``share_threshold`` an entry has the pattern for its value, one counter for all that match.
    """

    rule: Rule
    metric: str
    metadata: Mapping[str, Any] | None = None
    counted: tuple[Entry, ...] | None = None


@dataclass(slots=True)
class Node:
    """One descriptor of a configuration, or the top of a domain. Filled by the loader, read-only after.

    ``children`` are by joined key: ``key``, or ``key_value``. With neither rule nor children all may pass.
    """

    children: dict[str, "Node"] = field(default_factory=dict)
    wildcards: list[Wildcard] = field(default_factory=list)
    rule: Rule | None = None
    joined: str = ""
    written: tuple[str, str] = ("", "")
    """Key and value as the file has them."""
    share_threshold: bool = False
    value_to_metric: bool = False
    plain: bool = True
    """No switch from the top to here changes what is counted or shown: that is the rule's own key."""
    metadata: Mapping[str, Any] | None = None
    match: Match | None = None
    """Of a plain node with a rule: always this one."""

    def rules(self) -> Iterator[Rule]:
        """Every rule at and under this node, in the order of the files."""
        if self.rule is not None:
            yield self.rule
        for child in self.children.values():
            yield from child.rules()


@dataclass(frozen=True, slots=True)
class Config:
    """All domains, and what was read without fault but surely not meant (``notices``)."""

    domains: Mapping[str, Node] = field(default_factory=lambda: MappingProxyType({}))
    notices: tuple[str, ...] = ()

    def rules(self) -> Iterator[Rule]:
        for domain in self.domains.values():
            yield from domain.rules()
