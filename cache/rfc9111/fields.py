"""Header fields as they came: pairs of a name in small letters and a value, both bytes."""

from collections.abc import Iterator
from typing import TypeAlias

Fields: TypeAlias = tuple[tuple[bytes, bytes], ...]


def first(fields: Fields, name: bytes) -> bytes | None:
    """The value of the first line of this name."""
    for known, value in fields:
        if known == name:
            return value
    return None


def joined(fields: Fields, name: bytes) -> bytes | None:
    """All lines of this name as one value (RFC 9110, section 5.3)."""
    found = [value for known, value in fields if known == name]
    if not found:
        return None
    return found[0] if len(found) == 1 else b", ".join(found)


def elements(fields: Fields, name: bytes) -> Iterator[bytes]:
    """The members of a list over all lines, stripped, without the empty ones (RFC 9110, section 5.6.1).

    A comma in a quoted string divides nothing; a string without end goes to the end of its line.
    """
    for known, value in fields:
        if known == name:
            yield from members(value)


def members(value: bytes) -> Iterator[bytes]:
    """The members of one line."""
    parts = value.split(b",") if b'"' not in value else _outside_quotes(value)
    for part in parts:
        if member := part.strip(b" \t"):
            yield member


def without(fields: Fields, *names: bytes) -> Fields:
    return tuple(field for field in fields if field[0] not in names)


def _outside_quotes(value: bytes) -> list[bytes]:
    parts, begin, at, quoted = [], 0, 0, False
    while at < len(value):
        letter = value[at : at + 1]
        if quoted and letter == b"\\":
            at += 1
        elif letter == b'"':
            quoted = not quoted
        elif letter == b"," and not quoted:
            parts.append(value[begin:at])
            begin = at + 1
        at += 1
    parts.append(value[begin:])
    return parts
