"""What a publication takes away, and whose it is: saying nothing of an agency is no wish to free it."""

from collections.abc import Iterable, Mapping, Sequence

from sadd.catalogue.model import Service
from sadd.limits.rule import Rule
from sadd.limits.store import Change

PLATFORM = "the platform"
"""Whose the rules are that name no agency, and no service that there still is."""

Services = Mapping[str, Service]


def owner(rule: Rule, services: Services) -> str:
    """The id of the agency whose requests the rule is for."""
    if rule.agency is not None:
        return rule.agency
    service = None if rule.service is None else services.get(rule.service)
    return PLATFORM if service is None else service.agency


def removed(changes: Iterable[Change], services: Services) -> dict[str, list[str]]:
    """The ids of the rules that go, by owner, both in order."""
    found: dict[str, list[str]] = {}
    for change in changes:
        if change.before is not None and change.after is None:
            found.setdefault(owner(change.before, services), []).append(change.id)
    return dict(sorted(found.items()))


def unmentioned(
    removals: Mapping[str, list[str]], rules: Sequence[Rule], services: Services
) -> dict[str, list[str]]:
    """Those of owners of whom the new rules say nothing at all."""
    mentioned = {owner(rule, services) for rule in rules}
    return {whose: ids for whose, ids in removals.items() if whose not in mentioned}
