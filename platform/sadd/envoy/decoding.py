"""YAML values as the fields that a configuration has, with yaml.v2's words for what does not fit.

envoyproxy/ratelimit decodes each file twice: once to look at all keys, once into its structures. The second
ignores keys at places where they mean nothing (``shadow_mode`` inside ``rate_limit``) and keeps the last of
two equal keys; here both are noticed, since a limit may be missing that somebody believes in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sadd.envoy.document import Value, floating
from sadd.envoy.rules import UINT32_MAX

INT64_MAX = 2**63 - 1

ROOT = frozenset({"domain", "descriptors"})
SWITCHES = frozenset({"shadow_mode", "quota_mode", "detailed_metric", "value_to_metric", "share_threshold"})
DESCRIPTOR = frozenset({"key", "value", "rate_limit", "descriptors", "metadata"}) | SWITCHES
RATE_LIMIT = frozenset({"requests_per_unit", "unit", "unlimited", "name", "replaces"})
REPLACES = frozenset({"name"})
KEYS = ROOT | DESCRIPTOR | RATE_LIMIT | REPLACES

_UNKNOWN_KEY = "config error, unknown key "

Fields = dict[str, Value]


@dataclass(slots=True)
class Decoding:
    """One file's decoding: what does not fit, with its place, and what was noticed."""

    _misfits: list[tuple[int, int, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def misfits(self) -> list[str]:
        """yaml.v2's lines, in the file's order."""
        return [f"line {line}: {what}" for line, _, what in sorted(self._misfits)]

    def fields(self, value: Value | None, known: frozenset[str], go_type: str) -> Fields:
        """A map's values by key, the last of equal ones; empty for null, nothing and a misfit."""
        if value is None or value.kind == "null":
            return {}
        if value.kind != "map":
            self._misfit(value, go_type)
            return {}
        found: Fields = {}
        for key, child in value.pairs:
            if key.text in found:
                self.notices.append(f"line {key.line}: '{key.text}' is given twice, the last one counts")
            elif key.text not in known:
                self.notices.append(f"line {key.line}: '{key.text}' means nothing here and is ignored")
            found[key.text] = child
        return found

    def items(self, value: Value | None, go_type: str) -> Sequence[Value]:
        if value is None or value.kind == "null":
            return ()
        if value.kind == "seq":
            return value.items
        self._misfit(value, go_type)
        return ()

    def text(self, value: Value | None) -> str:
        """Any scalar by its letters; null is empty."""
        if value is None or value.kind == "null":
            return ""
        if value.kind not in ("map", "seq"):
            return value.text
        self._misfit(value, "string")
        return ""

    def flag(self, value: Value | None) -> bool:
        if value is None or value.kind == "null":
            return False
        if value.kind == "bool":
            return value.truth
        self._misfit(value, "bool")
        return False

    def uint32(self, value: Value | None) -> int:
        if value is None or value.kind == "null":
            return 0
        if value.kind == "int" and 0 <= value.number <= UINT32_MAX:
            return value.number
        self._misfit(value, "uint32")
        return 0

    def metadata(self, value: Value | None) -> dict[str, Any] | None:
        """A map of anything, as google.protobuf.Struct has it (numbers are doubles); None if it is empty."""
        if value is None or value.kind == "null":
            return None
        if value.kind != "map":
            self._misfit(value, "map[string]interface {}")
            return None
        # Here the keys are texts to yaml.v2, deeper they are what YAML makes of them (``n`` is false).
        return {key.text: _plain(child) for key, child in value.pairs} or None

    def _misfit(self, value: Value, go_type: str) -> None:
        scalar = value.kind not in ("map", "seq")
        text = f"{value.text[:7]}..." if len(value.text) > 10 else value.text
        shown = f" `{text}`" if scalar else ""
        what = f"cannot unmarshal {value.tag}{shown} into {go_type}"
        self._misfits.append((value.line, value.column, what))


def key_faults(value: Value) -> Iterator[str]:
    """What is wrong with the keys of a map and of all under it, in the file's order."""
    for key, child in value.pairs:
        if key.kind != "str":
            yield f"config error, key is not of type string: {key.shown()}"
        elif key.text not in KEYS:
            yield f"{_UNKNOWN_KEY}'{key.text}'"
        elif key.text != "metadata":  # anything may be in there
            yield from _child_faults(child)


def is_unknown_key(fault: str) -> bool:
    """Whether what is around the key can be read all the same."""
    return fault.startswith(_UNKNOWN_KEY)


def _child_faults(child: Value) -> Iterator[str]:
    if child.kind == "map":
        yield from key_faults(child)
    elif child.kind == "float" or (child.kind == "int" and abs(child.number) > INT64_MAX):
        yield "error checking config"
    for item in child.items:
        if item.kind == "map":
            yield from key_faults(item)
        else:
            yield f"config error, yaml file contains list of type other than map: {item.shown()}"


def _plain(value: Value) -> Any:
    match value.kind:
        case "map":
            return {key.shown(): _plain(child) for key, child in value.pairs}
        case "seq":
            return [_plain(item) for item in value.items]
        case "null":
            return None
        case "bool":
            return value.truth
        case "int":
            return float(value.number)
        case "float":
            return floating(value.text)
        case "str":
            return value.text
