"""Which rule holds for a descriptor of a request. Pure; the order is envoyproxy/ratelimit's.

At each level: the entry ``key_value``, else the first wildcard in the file's order that ``key_value``
matches, else ``key`` alone. A rule holds only at the depth of the request. An entry found for ``key_value``
hides the one for ``key``, also if it has no rule: that is how a value is let through.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from sadd.envoy.request import Descriptor
from sadd.envoy.rules import Config, Node, Rule, Unit

Entry = tuple[str, str]


class Match(Struct, frozen=True):
    """The rule for a descriptor, the entries that name its counter, and what its numbers are shown under.

    Where ``share_threshold`` holds, an entry has the pattern for its value: one counter for all that match.
    A struct, as ``Descriptor`` is.
    """

    rule: Rule
    counted: tuple[Entry, ...]
    metric: str
    metadata: Mapping[str, Any] | None = None


class _Step(NamedTuple):
    """One level: the entry of the request, the node found for it, and how."""

    entry: Entry
    node: Node
    wildcard: bool
    by_value: bool

    @property
    def pattern(self) -> str | None:
        """The value part of the wildcard, if its matches share a counter."""
        if not (self.wildcard and self.node.share_threshold):
            return None
        return self.node.joined.removeprefix(f"{self.entry[0]}_")

    @property
    def metric(self) -> str:
        key, value = self.entry
        if (pattern := self.pattern) is not None:
            value = pattern
        elif self.wildcard and not self.node.value_to_metric:
            value = self.node.joined.removeprefix(f"{key}_")
        elif not (self.by_value or self.node.value_to_metric):
            value = ""
        return f"{key}_{value}" if value else key


def find(config: Config, domain: str, descriptor: Descriptor) -> Match | None:
    """The match, or None: no limit. A limit that the request brings itself wins, if the domain is known."""
    top = config.domains.get(domain)
    if top is None or not descriptor.entries:
        return None
    if descriptor.limit is not None:
        return _brought(domain, descriptor, *descriptor.limit)
    steps = _walk(top, descriptor.entries)
    if steps is None:
        return None
    leaf = steps[-1].node
    rule = leaf.rule
    if rule is None:
        return None
    if leaf.plain:  # as nearly all are
        return Match(rule, descriptor.entries, rule.full_key, leaf.metadata)
    counted = tuple((step.entry[0], step.pattern or step.entry[1]) for step in steps)
    return Match(rule, counted, _metric(domain, rule, steps, counted), leaf.metadata)


def _walk(top: Node, entries: tuple[Entry, ...]) -> list[_Step] | None:
    """A step for each entry; None if the configuration does not go as deep."""
    steps: list[_Step] = []
    node = top
    for entry in entries:
        step = _step(node, entry)
        if step is None:
            return None
        steps.append(step)
        node = step.node
    return steps


def _step(parent: Node, entry: Entry) -> _Step | None:
    key, value = entry
    joined = f"{key}_{value}"
    if (exact := parent.children.get(joined)) is not None:
        return _Step(entry, exact, wildcard=False, by_value=True)
    for wildcard in parent.wildcards:
        if wildcard.matches(joined):
            return _Step(entry, parent.children[wildcard.joined], wildcard=True, by_value=True)
    alone = parent.children.get(key)
    return _Step(entry, alone, wildcard=False, by_value=False) if alone is not None else None


def _metric(domain: str, rule: Rule, steps: list[_Step], counted: tuple[Entry, ...]) -> str:
    """share_threshold over detailed_metric over value_to_metric over what the file says."""
    if not rule.detailed_metric:
        return ".".join([domain, *(step.metric for step in steps)])
    if any(step.pattern for step in steps):
        return ".".join([domain, *(f"{key}_{value}" if value else key for key, value in counted)])
    return ".".join([domain, *(f"{key}_{value}" for key, value in counted)])


def _brought(domain: str, descriptor: Descriptor, unit: Unit, requests_per_unit: int) -> Match:
    joined = (f"{key}_{value}" if value else key for key, value in descriptor.entries)
    metric = ".".join([domain, *joined])
    return Match(Rule(metric, requests_per_unit, unit), descriptor.entries, metric)
