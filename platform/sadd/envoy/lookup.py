"""Which rule holds for a descriptor of a request. Pure; the order is envoyproxy/ratelimit's.

At each level: the entry ``key_value``, else the first wildcard in the file's order that ``key_value``
matches, else ``key`` alone. A rule holds only at the depth of the request. An entry found for ``key_value``
hides the one for ``key``, also if it has no rule: that is how a value is let through.
"""

from functools import lru_cache
from typing import NamedTuple

from sadd.envoy.request import Descriptor
from sadd.envoy.rules import Config, Entry, Match, Node, Rule, Unit

BROUGHT_MAX = 1024
"""Rules that are kept of limits which requests bring."""


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
    leaf = _leaf(top, descriptor.entries)
    if leaf is None:
        return None
    if leaf.plain:  # as nearly all are
        return leaf.match
    return None if leaf.rule is None else _detailed(domain, leaf, leaf.rule, _walk(top, descriptor.entries))


def _detailed(domain: str, leaf: Node, rule: Rule, steps: list[_Step]) -> Match:
    """The match where a switch on the way changes what is counted or shown."""
    counted = tuple((step.entry[0], step.pattern or step.entry[1]) for step in steps)
    return Match(rule, _metric(domain, rule, steps, counted), leaf.metadata, counted)


def _leaf(node: Node, entries: tuple[Entry, ...]) -> Node | None:
    """The node for the last entry; None if the configuration does not go as deep."""
    for key, value in entries:
        joined = f"{key}_{value}"
        found = node.children.get(joined)
        if found is None and node.wildcards:
            found = _by_wildcard(node, joined)
        if found is None:
            found = node.children.get(key)
        if found is None:
            return None
        node = found
    return node


def _by_wildcard(node: Node, joined: str) -> Node | None:
    matching = (wildcard.joined for wildcard in node.wildcards if wildcard.matches(joined))
    first = next(matching, None)
    return None if first is None else node.children[first]


def _walk(node: Node, entries: tuple[Entry, ...]) -> list[_Step]:
    """How ``_leaf`` came where it did, step by step."""
    steps: list[_Step] = []
    for entry in entries:
        found = _leaf(node, (entry,))
        assert found is not None
        by_value = found.joined == f"{entry[0]}_{entry[1]}"
        wildcard = not by_value and "*" in found.joined and found.joined != entry[0]
        steps.append(_Step(entry, found, wildcard, by_value or wildcard))
        node = found
    return steps


def _metric(domain: str, rule: Rule, steps: list[_Step], counted: tuple[Entry, ...]) -> str:
    """share_threshold over detailed_metric over value_to_metric over what the file says."""
    if not rule.detailed_metric:
        return ".".join([domain, *(step.metric for step in steps)])
    if any(step.pattern for step in steps):
        return ".".join([domain, *(f"{key}_{value}" if value else key for key, value in counted)])
    return ".".join([domain, *(f"{key}_{value}" for key, value in counted)])


def _brought(domain: str, descriptor: Descriptor, unit: Unit, requests_per_unit: int) -> Match:
    entries = descriptor.entries
    rule = _rule(".".join([domain, *(key for key, _ in entries)]), requests_per_unit, unit)
    joined = (f"{key}_{value}" if value else key for key, value in entries)
    return Match(rule, ".".join([domain, *joined]))


@lru_cache(maxsize=BROUGHT_MAX)
def _rule(full_key: str, requests_per_unit: int, unit: Unit) -> Rule:
    """One for all values, since what a rule means is kept; only its name in metrics has them."""
    return Rule(full_key, requests_per_unit, unit)
