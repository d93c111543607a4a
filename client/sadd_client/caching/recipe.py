"""From a call of a function to the key of an entry, and between its result and bytes."""

import inspect
import json
import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

KEY_LENGTH_MAX = 256
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")
_SPELT = (str, int, date, Decimal, UUID)  # bool is an int, datetime a date


@dataclass(frozen=True, slots=True)
class Codec:
    """How results become bytes, and come back. What ``encode`` cannot take it raises."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    content_type: str


def _bytes(found: object) -> bytes:
    if not isinstance(found, bytes):
        raise TypeError(f"the function returned {type(found).__name__}, not bytes: give it a codec, json say")
    return found


def _json(found: object) -> bytes:
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()


CodecName = Literal["bytes", "text", "json"]
_CODECS = {
    "bytes": Codec(_bytes, lambda body: body, "application/octet-stream"),
    "text": Codec(str.encode, bytes.decode, "text/plain; charset=utf-8"),
    "json": Codec(_json, json.loads, "application/json"),
}


def codec_of(named: Codec | CodecName) -> Codec:
    """ValueError for an unknown name."""
    found = _CODECS.get(named) if isinstance(named, str) else named
    if found is None:
        raise ValueError(f"a codec is one of {', '.join(_CODECS)}, or a Codec")
    return found


class Names:
    """Keys and tags of a function's calls: templates with its parameters in braces.

    A value can never read like another place of the template: all but letters, digits and ``._-`` is spelt
    ``~XX`` byte by byte. So no two calls with different values have one key.
    """

    def __init__(self, function: Callable[..., Any], key: str, tags: tuple[str, ...]) -> None:
        self._signature = inspect.signature(function)
        self._key, self._tags = key, tags
        parameters = self._signature.parameters
        self._by_place = tuple(parameters)
        self._plain = all(one.kind is one.POSITIONAL_OR_KEYWORD for one in parameters.values())
        for template in (key, *tags):
            _check(template, set(parameters))

    def of(self, *args: Any, **kwargs: Any) -> tuple[str, tuple[str, ...]]:
        """The key and the tags. TypeError for a value whose spelling could mean two things."""
        spelt = _Spelt(self._arguments(args, kwargs))
        key = self._key.format_map(spelt)
        if len(key) > KEY_LENGTH_MAX:
            key = f"{key[: KEY_LENGTH_MAX - 66]}~~{sha256(key.encode()).hexdigest()}"
        return key, tuple(tag.format_map(spelt) for tag in self._tags) if self._tags else ()

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if self._plain and not kwargs and len(args) == len(self._by_place):
            return dict(zip(self._by_place, args, strict=True))  # as nearly all calls; binding costs 3 us
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments


class _Spelt(dict[str, str]):
    """Spells only what a template asks for: ``self`` need not be spelt."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        super().__init__()
        self._arguments = arguments

    def __missing__(self, name: str) -> str:
        self[name] = spelt = _spell(self._arguments[name])
        return spelt


def _spell(value: object) -> str:
    if isinstance(value, Enum):
        return _spell(value.value)
    if value is None:
        return "~"
    if not isinstance(value, _SPELT):
        raise TypeError(f"a key is not made of a {type(value).__name__}: pass what names it")
    text = value.isoformat() if isinstance(value, date) else str(value)
    if _PLAIN.fullmatch(text):
        return text
    return "".join(
        letter if _PLAIN.fullmatch(letter) else "".join(f"~{octet:02X}" for octet in letter.encode())
        for letter in text
    )


def _check(template: str, parameters: set[str]) -> None:
    """ValueError at the decoration, not on the morning of the results."""
    for _, name, form, conversion in string.Formatter().parse(template):
        if name is not None and (name not in parameters or form or conversion):
            raise ValueError(f"{{{name}}} of {template!r} is no parameter of the function, as it stands")
