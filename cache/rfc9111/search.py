"""Parameters of a URL that do not change the answer: ``No-Vary-Search``.

After the IETF's draft-ietf-httpbis-no-vary-search. Whatever is odd in the field makes it count for nothing:
then each query is its own.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote_plus, unquote_to_bytes

import http_sf

from cache.rfc9111.fields import Fields, joined

QUERY_BYTES_MAX = 8192
PARAMETERS_MAX = 256


@dataclass(frozen=True, slots=True)
class SearchRule:
    """``names`` are those left out, or with ``only`` those that alone count."""

    names: frozenset[str] = frozenset()
    only: bool = False
    sorted_keys: bool = False

    def normal(self, query: bytes) -> bytes:
        """Equal for queries that this rule makes equal; without a rule the query itself."""
        if self == EACH or len(query) > QUERY_BYTES_MAX:
            return query
        try:
            pairs = parse_qsl(
                query.decode("latin-1").encode("latin-1").decode("utf-8", "replace"),
                keep_blank_values=True,
                errors="replace",
                max_num_fields=PARAMETERS_MAX,
            )
        except ValueError:  # more than PARAMETERS_MAX
            return query
        kept = [pair for pair in pairs if (pair[0] in self.names) == self.only]
        if self.sorted_keys:
            kept.sort(key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))
        return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in kept).encode()


EACH = SearchRule()
"""Every query is its own."""


def no_vary_search(fields: Fields) -> SearchRule:
    """The rule of an answer."""
    value = joined(fields, b"no-vary-search")
    if value is None:
        return EACH
    try:
        members = http_sf.parse(value, tltype="dictionary")
        assert isinstance(members, dict)
        return _rule({name: _bare(member) for name, member in members.items()})
    except ValueError:
        return EACH


def _rule(said: dict[str, object]) -> SearchRule:
    """Raises ValueError for an argument of a wrong type."""
    sorted_keys = said.get("key-order", False)
    params = said.get("params", False)
    if not isinstance(sorted_keys, bool) or ("except" in said and params is not True):
        raise ValueError("No-Vary-Search")
    if params is True:
        return SearchRule(_names(said.get("except", [])), True, sorted_keys)
    return SearchRule(frozenset() if params is False else _names(params), False, sorted_keys)


def _names(inner: object) -> frozenset[str]:
    if not isinstance(inner, list):
        raise ValueError("no inner list")
    names = [_bare(member) for member in inner]
    if not all(type(name) is str for name in names):
        raise ValueError("not a list of strings")
    return frozenset(_decoded(str(name)) for name in names)


def _decoded(name: str) -> str:
    """As in a form: a plus is a space, then percent signs, then UTF-8."""
    return unquote_to_bytes(name.replace("+", " ")).decode("utf-8", "replace")


def _bare(member: object) -> object:
    """Without its parameters."""
    return member[0] if isinstance(member, tuple) else member
