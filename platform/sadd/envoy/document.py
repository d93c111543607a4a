"""One YAML file as envoyproxy/ratelimit reads it: Go's yaml.v2, whose scalars differ from PyYAML's.

There ``1:30`` is a text, ``0o17`` a number, and a field of text takes whatever the file says (``value: 5``
is "5"). So nodes are kept with the file's own letters, and typed here by yaml.v2's rules.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import yaml

Kind = Literal["map", "seq", "str", "int", "float", "bool", "null"]

NODES_MAX = 200_000
"""Of one file, each alias counted as what it stands for; a ConfigMap of 1 MiB has fewer."""
DEPTH_MAX = 64
"""Of maps and lists in each other: some 30 levels of descriptors."""

# The C parser words its faults as libyaml does, and so does yaml.v2, which is its translation into Go.
_Loader: type[yaml.BaseLoader | yaml.CBaseLoader] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_DIGITS_MAX = 40
"""A longer number is beyond 64 bits, and to Go a float then."""
_INT = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


class Unreadable(Exception):
    """The file is no YAML; the message is yaml.v2's."""


@dataclass(frozen=True, slots=True)
class Value:
    """A node: a scalar's ``text`` as it stands, a list's ``items``, or a map's ``pairs``; with its place."""

    kind: Kind
    line: int
    column: int = 0
    text: str = ""
    items: tuple["Value", ...] = ()
    pairs: tuple[tuple["Value", "Value"], ...] = ()

    @property
    def tag(self) -> str:
        return f"!!{self.kind}"

    @property
    def truth(self) -> bool:
        """Of a bool."""
        return self.text in _TRUE

    @property
    def number(self) -> int:
        """Of an int."""
        digits = self.text.replace("_", "").lower()
        sign = -1 if digits.startswith("-") else 1
        digits = digits.lstrip("+-")
        octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
        return sign * (int(digits, 8) if octal else int(digits, 0))

    def shown(self) -> str:
        """As Go's %v prints it."""
        if self.kind == "null":
            return "<nil>"
        if self.kind == "seq":
            return f"[{' '.join(item.shown() for item in self.items)}]"
        if self.kind == "map":
            return f"map[{' '.join(f'{key.shown()}:{value.shown()}' for key, value in self.pairs)}]"
        if self.kind == "bool":
            return str(self.truth).lower()
        if self.kind == "int":
            return str(self.number)
        return _float_shown(self.text) if self.kind == "float" else self.text


def floating(text: str) -> float:
    """The number that a float's letters mean."""
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))


def _float_shown(text: str) -> str:
    number = floating(text)
    if number == float("inf"):
        return "+Inf"
    return str(int(number)) if abs(number) < 1e21 and number.is_integer() else repr(number)


@dataclass(frozen=True, slots=True)
class Document:
    """The first document of a file. yaml.v2 reads no further; ``more`` says that there was more."""

    root: Value
    more: bool


def parse(text: str) -> Document:
    """The first document; an empty file is null. Raises Unreadable."""
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        raise Unreadable("yaml: control characters are not allowed") from error
    try:
        node = loader.get_node() if loader.check_node() else None
        more = _has_more(loader)
    except yaml.MarkedYAMLError as error:
        raise Unreadable(f"yaml: {_place(error)}{_problem(error, text)}") from None
    except yaml.reader.ReaderError as error:
        raise Unreadable("yaml: control characters are not allowed") from error
    finally:
        loader.dispose()
    return Document(_Walk().value(node, 0) if node is not None else Value("null", 1), more)


def _has_more(loader: "yaml.BaseLoader | yaml.CBaseLoader") -> bool:
    try:
        return bool(loader.check_node())
    except yaml.YAMLError:
        return True  # what follows is not even YAML, and nobody reads it there either


def _place(error: yaml.MarkedYAMLError) -> str:
    """yaml.v2 counts lines from 0 for the parser and from 1 for the scanner, and hides line 0."""
    marks = [mark.line for mark in (error.problem_mark, error.context_mark) if mark and mark.line]
    if not marks:
        return ""
    scanner = isinstance(error, yaml.scanner.ScannerError)
    return f"line {marks[0] + scanner}: "


def _problem(error: yaml.MarkedYAMLError, text: str) -> str:
    if error.problem == "found undefined alias" and error.problem_mark:
        mark = error.problem_mark
        name = re.match(r"\*?([^\s,\]}]*)", text.splitlines()[mark.line][mark.column :])
        return f"unknown anchor '{name[1] if name else ''}' referenced"
    return str(error.problem or error.context or "unknown problem parsing YAML content")


class _Walk:
    """Turns nodes into values, counting them: a few aliases can stand for billions."""

    def __init__(self) -> None:
        self._left = NODES_MAX

    def value(self, node: yaml.Node, depth: int) -> Value:
        self._left -= 1
        if self._left < 0:
            raise Unreadable("yaml: document contains excessive aliasing")
        if depth > DEPTH_MAX:
            raise Unreadable(f"yaml: exceeded max depth of {DEPTH_MAX}")
        place = node.start_mark.line + 1, node.start_mark.column
        if isinstance(node, yaml.ScalarNode):
            return Value(_kind(node), *place, node.value)
        if isinstance(node, yaml.SequenceNode):
            return Value("seq", *place, items=tuple(self.value(child, depth + 1) for child in node.value))
        assert isinstance(node, yaml.MappingNode)
        return Value("map", *place, pairs=tuple(self._pairs(node, depth)))

    def _pairs(self, node: yaml.MappingNode, depth: int) -> Iterator[tuple[Value, Value]]:
        """The pairs, those merged in by ``<<`` first, so that the map's own have the last word."""
        own: list[tuple[Value, Value]] = []
        for key_node, value_node in node.value:
            key, value = self.value(key_node, depth + 1), self.value(value_node, depth + 1)
            if key.text == "<<" and key.kind == "str":
                yield from _merged(value)
            else:
                own.append((key, value))
        yield from own


def _merged(value: Value) -> Iterator[tuple[Value, Value]]:
    if value.kind == "map":
        yield from value.pairs
    elif value.kind == "seq" and all(item.kind == "map" for item in value.items):
        for item in reversed(value.items):
            yield from item.pairs
    else:
        raise Unreadable("yaml: map merge requires map or sequence of maps as the value")


def _kind(node: yaml.ScalarNode) -> Kind:
    text: str = node.value
    if node.style:  # quoted, or a block: a text
        return "str"
    if text in _NULL:
        return "null"
    if text in _TRUE or text in _FALSE:
        return "bool"
    plain = text.replace("_", "") if text[0] != "_" else text
    if len(plain) <= _DIGITS_MAX and _INT.fullmatch(plain):
        return "int"
    return "float" if _FLOAT.fullmatch(plain) else "str"
