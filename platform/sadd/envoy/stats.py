"""What was counted by rule, as envoyproxy/ratelimit counts it, with a bound on how many rules are shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from ratelimit.decision import Decision
from sadd.envoy.plan import Count

RULES_SHOWN_MAX = 1_000
"""Time series of each number; further rules are counted under OTHER."""
DETAILED_SHOWN_MAX = 500
"""Of those, names that hold values of requests (``detailed_metric``, a limit that the request brings): they
could be millions."""
DETAILED_LETTERS_MAX = 256
"""A longer one is counted under OTHER too: each worker keeps and shows them all."""
OTHER = "other"

_IPV4 = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")


@dataclass(slots=True)
class RuleCounts:
    """Hits, not requests. A request that crosses a threshold is split between the two sides.

    Near is above four fifths of the limit. Hits that were allowed and yet not taken, since another limit of
    the same request denied, are in the total only.
    """

    total_hits: int = 0
    over_limit: int = 0
    near_limit: int = 0
    within_limit: int = 0
    shadow_mode: int = 0
    total_negative_hits: int = 0

    def add(self, count: Count, decision: Decision, *, taken: bool) -> None:
        cost = count.cost
        if count.negative:
            self.total_negative_hits += cost
            return
        self.total_hits += cost
        limit = count.match.rule.requests_per_unit
        near = limit * 4 // 5
        if taken:
            after = limit - decision.remaining
            self.within_limit += cost
            self.near_limit += min(cost, max(0, after - near))
        elif not decision.allowed:
            before = limit - decision.remaining
            over = min(cost, before + cost - limit)
            self.over_limit += over
            self.near_limit += max(0, limit - max(near, before))
            if count.match.rule.shadow_mode:
                self.shadow_mode += over


@dataclass(frozen=True, slots=True)
class EnvoyStats:
    """Of one worker since it began. The mappings are by rule (``domain.key_value.subkey``)."""

    total_hits: Mapping[str, int]
    over_limit: Mapping[str, int]
    near_limit: Mapping[str, int]
    within_limit: Mapping[str, int]
    shadow_mode: Mapping[str, int]
    total_negative_hits: Mapping[str, int]
    config_load_success: int
    config_load_error: int
    domain_not_found: int
    global_shadow_mode: int
    service_error: int
    store_error: int


class Tally:
    """Counts for one worker."""

    def __init__(self) -> None:
        self._rules: dict[str, RuleCounts] = {}
        self._detailed = 0
        self.config_load_success = 0
        self.config_load_error = 0
        self.domain_not_found = 0
        self.global_shadow_mode = 0
        self.service_error = 0
        self.store_error = 0

    def count(self, count: Count, decision: Decision, *, taken: bool) -> None:
        match = count.match
        rule = self._rules.get(match.metric)
        if rule is None:
            rule = self._new(match.metric, detailed=match.metric != match.rule.full_key)
        rule.add(count, decision, taken=taken)

    def _new(self, metric: str, *, detailed: bool) -> RuleCounts:
        """The counts of a rule that is seen for the first time, if there is room for its name."""
        full = self._detailed >= DETAILED_SHOWN_MAX or len(metric) > DETAILED_LETTERS_MAX
        if len(self._rules) >= RULES_SHOWN_MAX or (detailed and full):
            return self._rules.setdefault(OTHER, RuleCounts())
        self._detailed += detailed
        return self._rules.setdefault(metric, RuleCounts())

    def stats(self) -> EnvoyStats:
        shown: dict[str, dict[str, int]] = {field.name: {} for field in fields(RuleCounts)}
        for metric, counts in self._rules.items():
            name = sanitised(metric)
            for number, by_rule in shown.items():
                by_rule[name] = by_rule.get(name, 0) + getattr(counts, number)
        return EnvoyStats(
            **shown,
            config_load_success=self.config_load_success,
            config_load_error=self.config_load_error,
            domain_not_found=self.domain_not_found,
            global_shadow_mode=self.global_shadow_mode,
            service_error=self.service_error,
            store_error=self.store_error,
        )


def sanitised(metric: str) -> str:
    """As envoyproxy/ratelimit names it: no colons or bars, and no dots inside an IPv4 address."""
    plain = metric.replace(":", "_").replace("|", "_")
    return _IPV4.sub(lambda found: found[0].replace(".", "_"), plain)
