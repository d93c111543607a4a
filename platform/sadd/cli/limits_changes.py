"""Changes of rules, as ``sadd limits`` prints them."""

from collections.abc import Sequence

import msgspec

from sadd.cli.table import print_json
from sadd.limits.rule import Rule
from sadd.limits.store import Change, Published, Verb

_SIGNS: dict[Verb, str] = {"add": "added", "change": "changed", "remove": "removed"}


def print_published(published: Published, *, as_json: bool) -> int:
    if as_json:
        changes = [change_as_json(change) for change in published.changes]
        print_json({"version": published.version, "changes": changes})
        return 0
    print_changes(published.changes)
    if not published.changes:
        print("nothing to change")
    print(f"version {published.version}")
    return 0


def print_changes(changes: Sequence[Change]) -> None:
    for change in changes:
        print(f"{_SIGNS[change.verb]} {change.id}")
        before, after = _lines(change.before), _lines(change.after)
        for field in sorted(before.keys() | after.keys()):
            if before.get(field) != after.get(field):
                _print_field("-", field, before.get(field))
                _print_field("+", field, after.get(field))


def change_as_json(change: Change) -> dict[str, object]:
    before, after = msgspec.to_builtins(change.before), msgspec.to_builtins(change.after)
    return {"verb": change.verb, "id": change.id, "before": before, "after": after}


def _lines(rule: Rule | None) -> dict[str, str]:
    """The fields that a rule says, each as one line."""
    fields = {} if rule is None else msgspec.to_builtins(rule)
    return {name: msgspec.json.encode(value).decode() for name, value in fields.items() if name != "id"}


def _print_field(sign: str, field: str, value: str | None) -> None:
    if value is not None:
        print(f"  {sign} {field}: {value}")
