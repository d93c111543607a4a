"""Cache-Control as data: of a request, of a response, and of a field for one class of caches (RFC 9213).

Names count in any case, arguments as token or as quoted string. Of a directive that comes twice the first
counts; a time that is no whole number of seconds is 0, so stale (RFC 9111, section 4.2.1).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import http_sf

from cache.rfc9111.fields import Fields, first, joined, members

SECONDS_MAX = 2**31 - 1
"""A greater number counts as this one (RFC 9111, section 1.2.2)."""
_NUMBER = re.compile(rb"\d+")
_REMEMBERED_BYTES_MAX = 256


@dataclass(frozen=True, slots=True)
class Directives:
    """Times in seconds; None: not there."""

    max_age: int | None = None
    s_maxage: int | None = None
    min_fresh: int | None = None
    max_stale: int | None = None
    """``SECONDS_MAX`` where any staleness will do."""
    stale_while_revalidate: int | None = None
    stale_if_error: int | None = None
    no_store: bool = False
    no_cache: bool = False
    no_cache_fields: frozenset[bytes] = frozenset()
    private: bool = False
    private_fields: frozenset[bytes] = frozenset()
    public: bool = False
    must_revalidate: bool = False
    proxy_revalidate: bool = False
    must_understand: bool = False
    immutable: bool = False
    only_if_cached: bool = False
    no_transform: bool = False


NONE = Directives()
NO_CACHE = Directives(no_cache=True)


def parse_directives(fields: Fields) -> Directives:
    """What ``Cache-Control`` says; what cannot be read in it says nothing."""
    value = joined(fields, b"cache-control")
    return NONE if value is None else _of_text(value)


def asked(fields: Fields) -> Directives:
    """Those of a request: ``Pragma: no-cache`` counts where there is no Cache-Control (section 5.4)."""
    value = joined(fields, b"cache-control")
    if value is not None:
        return _of_text(value)
    pragma = first(fields, b"pragma")
    return NO_CACHE if pragma is not None and b"no-cache" in map(bytes.lower, members(pragma)) else NONE


def targeted(fields: Fields) -> Directives | None:
    """What ``CDN-Cache-Control`` says: then neither Cache-Control nor Expires count (RFC 9213, section 2.2).

    None where it is not there, empty, or no structured dictionary. A directive with an argument of another
    type is not there: a decimal is not made an integer (section 2.1).
    """
    value = joined(fields, b"cdn-cache-control")
    if value is None or not value.strip():
        return None
    try:
        found = http_sf.parse(value, tltype="dictionary")
    except ValueError:
        return None
    if not isinstance(found, dict) or not found:
        return None
    return _directives((name.encode(), _argument(name, member)) for name, member in found.items())


def governing(fields: Fields) -> tuple[Directives, bool]:
    """The directives that a shared cache obeys in a response, and whether they were meant for it alone."""
    own = targeted(fields)
    return (parse_directives(fields), False) if own is None else (own, True)


class _Unusable:
    """An argument of a type that the directive does not have."""


_UNUSABLE = _Unusable()
_Argument = bytes | int | None | _Unusable


def _argument(name: str, member: object) -> _Argument:
    value = member[0] if isinstance(member, tuple) else member
    if isinstance(value, bool):
        return None if value else _UNUSABLE
    if isinstance(value, int):
        return value
    if isinstance(value, str | http_sf.Token) and name.replace("-", "_") not in _TIMES:
        return str(value).encode()
    return _UNUSABLE


def _of_text(value: bytes) -> Directives:
    return _remembered(value) if len(value) <= _REMEMBERED_BYTES_MAX else _read(value)


@lru_cache(maxsize=1024)
def _remembered(value: bytes) -> Directives:
    return _read(value)


def _read(value: bytes) -> Directives:
    return _directives(map(_pair, members(value)))


def _pair(member: bytes) -> tuple[bytes, _Argument]:
    name, sign, argument = member.partition(b"=")
    name = name.lower()
    if not sign:
        return name, None
    if argument[:1] == b'"':
        return name, re.sub(rb"\\(.)", rb"\1", argument[1:-1] if argument.endswith(b'"') else argument[1:])
    return name, argument


def _directives(pairs: Iterator[tuple[bytes, _Argument]]) -> Directives:
    found: dict[str, object] = {}
    for name, argument in pairs:
        word = _WORDS.get(name)
        if word is not None and word not in found and not isinstance(argument, _Unusable):
            _take(found, word, argument)
    return Directives(**found) if found else NONE  # type: ignore[arg-type]  # each word has its own type


def _take(found: dict[str, object], word: str, argument: bytes | int | None) -> None:
    if word in _TIMES:
        found[word] = SECONDS_MAX if word == "max_stale" and argument is None else _seconds(argument)
    elif word in _OF_FIELDS and isinstance(argument, bytes) and argument:
        # "private" beside "private=x" is the stricter and counts, in whatever order they come.
        found[f"{word}_fields"] = frozenset(name.lower() for name in members(argument))
    else:
        found[word] = True


def _seconds(argument: bytes | int | None) -> int:
    if isinstance(argument, int):
        return min(max(argument, 0), SECONDS_MAX)
    if argument is None or not _NUMBER.fullmatch(argument):
        return 0
    return min(int(argument[:20]), SECONDS_MAX) if len(argument.lstrip(b"0")) <= 10 else SECONDS_MAX


_TIMES = frozenset(
    {"max_age", "s_maxage", "min_fresh", "max_stale", "stale_while_revalidate", "stale_if_error"}
)
_OF_FIELDS = frozenset({"no_cache", "private"})
_FLAGS = frozenset(
    {"no_store", "no_cache", "private", "public", "must_revalidate", "proxy_revalidate"}
    | {"must_understand", "immutable", "only_if_cached", "no_transform"}
)
_WORDS = {word.replace("_", "-").encode(): word for word in _TIMES | _FLAGS}
