"""Fits a YAML node to a type of the model, and finds every misfit rather than the first.

msgspec would stop at the first wrong field and knows no lines; here the same type descriptions are
walked beside the nodes, which carry their place in the file. Where a node misfits, a stand-in takes its
place, so that the rest of the entry can still be judged (``guesses``).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Any

import msgspec
import yaml
from msgspec import inspect

from sadd.catalogue.fault import Finding, Path

GUESSES = 4
"""How many stand-ins are tried for a misfit: as many as there are words for a status."""

_MISFIT: Any = object()

_PLAIN_INTEGER = re.compile(r"-?(0|[1-9][0-9_]*)")
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9_]*)(\.[0-9]+)?")
_TEXT_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp")


@dataclass(slots=True)
class Fitted:
    """One entry as it was read: its value (None if anything misfits), findings, and lines.

    ``guesses`` are what a faulty entry might have been meant to be, each with other stand-ins: what is
    wrong with all of them is wrong with the entry, whatever its misfits should have said.
    """

    value: Any = None
    findings: list[Finding] = field(default_factory=list)
    lines: dict[Path, int] = field(default_factory=dict)
    guesses: list[Any] = field(default_factory=list)
    guess: int = 0

    def line(self, path: Path) -> int:
        """The line of a field, or of the nearest thing around it that the file has."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def broken(self, judge: Callable[[Any], Iterable[Finding]]) -> Iterator[Finding]:
        """What ``judge`` says of the value; of one with misfits, what it says whatever they should be."""
        if self.value is not None:
            yield from judge(self.value)
            return
        misfits = {finding.path for finding in self.findings}
        first, *others = ([*judge(guess)] for guess in self.guesses)
        for finding in first:
            hidden = any(finding.path[: len(misfit)] == misfit for misfit in misfits)
            if not hidden and all(finding in other for other in others):
                yield finding


def fit(node: yaml.Node, type_: type[msgspec.Struct], given: Mapping[str, Any] | None = None) -> Fitted:
    """Makes a ``type_`` of ``node``. ``given`` are fields that come from elsewhere than the file."""
    described = _described(type_)
    fitted = Fitted()
    fitted.lines[()] = node.start_mark.line + 1
    value = _struct(fitted, node, described, (), given or {})
    if not fitted.findings:
        fitted.value = value
        return fitted
    others = [Fitted(guess=guess) for guess in range(1, GUESSES)]
    fitted.guesses = [value, *(_struct(other, node, described, (), given or {}) for other in others)]
    return fitted


@cache
def _described(type_: type[msgspec.Struct]) -> inspect.StructType:
    described = inspect.type_info(type_)
    assert isinstance(described, inspect.StructType)
    return described


def nearest(word: str, known: Iterable[str], few: int = 12) -> str:
    """A hint for a message: the known word that was probably meant, else the known ones if few."""
    words = sorted(known)
    if close := get_close_matches(word, words, n=1, cutoff=0.6):
        return f" (nearest: {close[0]})"
    return f" (known: {', '.join(words)})" if 0 < len(words) <= few else ""


def _fit(fitted: Fitted, node: yaml.Node, type_: inspect.Type, path: Path) -> Any:
    fitted.lines[path] = node.start_mark.line + 1
    if isinstance(type_, inspect.UnionType):  # only "T or None" occurs in the model
        return _optional(fitted, node, type_, path)
    if isinstance(type_, inspect.StructType):
        return _struct(fitted, node, type_, path, {})
    if isinstance(type_, inspect.VarTupleType):
        return _sequence(fitted, node, type_, path)
    return _scalar(fitted, node, type_, path)


def _optional(fitted: Fitted, node: yaml.Node, type_: inspect.UnionType, path: Path) -> Any:
    if node.tag == "tag:yaml.org,2002:null":
        return None
    (inner,) = (t for t in type_.types if not isinstance(t, inspect.NoneType))
    return _fit(fitted, node, inner, path)


def _struct(
    fitted: Fitted, node: yaml.Node, type_: inspect.StructType, path: Path, given: Mapping[str, Any]
) -> Any:
    if not isinstance(node, yaml.MappingNode):
        _misfit(fitted, path, f"expected fields ({_names(type_, given)}), got {_seen(node)}")
        return _stand_in(type_, fitted.guess, given)
    known = {f.name: f for f in type_.fields if f.name not in given}
    values: dict[str, Any] = dict(given)
    for key, child in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else _seen(key)
        fitted.lines[*path, name] = key.start_mark.line + 1  # of the second, if a field is given twice
        if name in values:
            because = "the file says it" if name in given else "given twice"
            _misfit(fitted, (*path, name), because)
        elif name not in known:
            _misfit(fitted, (*path, name), f"unknown field{nearest(name, known)}")
        else:
            values[name] = _fit(fitted, child, known[name].type, (*path, name))
    for missing in (f for f in known.values() if f.required and f.name not in values):
        _misfit(fitted, (*path, missing.name), "missing")
        values[missing.name] = _stand_in(missing.type, fitted.guess)
    return type_.cls(**values)


def _sequence(fitted: Fitted, node: yaml.Node, type_: inspect.VarTupleType, path: Path) -> Any:
    if not isinstance(node, yaml.SequenceNode):
        _misfit(fitted, path, f"expected a list, got {_seen(node)}")
        return ()
    return tuple(_fit(fitted, child, type_.item_type, (*path, i)) for i, child in enumerate(node.value))


def _scalar(fitted: Fitted, node: yaml.Node, type_: inspect.Type, path: Path) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        _misfit(fitted, path, f"expected {_expected(type_)}, got {_seen(node)}")
        return _stand_in(type_, fitted.guess)
    value = _read(node, type_)
    if value is _MISFIT:
        hint = " (put it in quotes)" if isinstance(type_, inspect.StrType) and node.value else ""
        _misfit(fitted, path, f"expected {_expected(type_)}, got {_seen(node)}{hint}")
        return _stand_in(type_, fitted.guess)
    return value


def _stand_in(type_: inspect.Type, guess: int, given: Mapping[str, Any] | None = None) -> Any:
    """Some value of the type. Other guesses are other values, where that can matter to a rule."""
    if isinstance(type_, inspect.StructType):
        fields = {f.name: _stand_in(f.type, guess) for f in type_.fields if f.required}
        return type_.cls(**(fields | dict(given or {})))
    if isinstance(type_, inspect.LiteralType):
        return type_.values[guess % len(type_.values)]
    if isinstance(type_, inspect.IntType | inspect.FloatType):
        return (1, 10**6)[guess % 2]
    if isinstance(type_, inspect.UnionType):
        return None
    return {inspect.StrType: f"misfit-{guess}", inspect.BoolType: bool(guess % 2), inspect.VarTupleType: ()}[
        type(type_)
    ]


def _read(node: yaml.ScalarNode, type_: inspect.Type) -> Any:
    """The scalar as the type wants it. Octal, sexagesimal and infinite numbers are nobody's intention."""
    text: str = node.value
    is_text = node.tag in _TEXT_TAGS
    if isinstance(type_, inspect.StrType):
        return text if is_text else _MISFIT
    if isinstance(type_, inspect.LiteralType):
        return text if is_text and text in type_.values else _MISFIT
    if isinstance(type_, inspect.BoolType):
        return text == "true" if not is_text and text in ("true", "false") else _MISFIT
    if isinstance(type_, inspect.IntType):
        return int(text) if not is_text and _PLAIN_INTEGER.fullmatch(text) else _MISFIT
    if isinstance(type_, inspect.FloatType):
        return float(text) if not is_text and _PLAIN_NUMBER.fullmatch(text) else _MISFIT
    raise NotImplementedError(type_)


def _misfit(fitted: Fitted, path: Path, message: str) -> None:
    fitted.findings.append(Finding(path, message))


def _expected(type_: inspect.Type) -> str:
    if isinstance(type_, inspect.LiteralType):
        return "one of " + ", ".join(map(str, type_.values))
    return {
        inspect.StrType: "a text",
        inspect.BoolType: "true or false",
        inspect.IntType: "a whole number",
        inspect.FloatType: "a number",
    }[type(type_)]


def _seen(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "fields"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return f"{node.value!r}" if node.value else "nothing"


def _names(type_: inspect.StructType, given: Mapping[str, Any]) -> str:
    return ", ".join(f.name for f in type_.fields if f.required and f.name not in given)
