"""By which names an answer can be purged: ``Surrogate-Key``, and groups (RFC 9875).

A surrogate key is the tag itself, so that an operator purges by the word that the origin wrote. A group is
behind a prefix. Both mean something within one service only: its namespace keeps them from others
(RFC 9875, section 4).
"""

from urllib.parse import quote

import http_sf

from cache.rfc9111.fields import Fields, elements, joined
from cache.rfc9111.message import Request, Response

GROUP = "cache-group:"
TAGS_MAX = 96
"""32 groups are the least that a cache takes (RFC 9875, section 2)."""
TAG_CHARACTERS_MAX = 128
SAFE_METHODS = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE"})


def tags(fields: Fields) -> tuple[str, ...]:
    """Of an answer; what cannot be read is none, what is too long or too many is left out."""
    keys = (key.decode("latin-1") for value in elements(fields, b"surrogate-key") for key in value.split())
    found = dict.fromkeys((*groups(fields, b"cache-groups"), *filter(_is_tag, keys)))
    return tuple(found)[:TAGS_MAX]


def groups(fields: Fields, name: bytes) -> tuple[str, ...]:
    """The strings of such a field, as tags; a field that is no list of strings names none."""
    value = joined(fields, name)
    if value is None:
        return ()
    try:
        found = http_sf.parse(value, tltype="list")
    except ValueError:
        return ()
    assert isinstance(found, list)
    names = (member[0] for member in found if isinstance(member, tuple))
    return tuple(filter(_is_tag, (group_tag(name) for name in names if type(name) is str)))


def group_tag(group: str) -> str:
    return GROUP + quote(group, safe="!#$&'()*+/:;=?@[]^`{|}~<>")


def invalidated_groups(request: Request, response: Response) -> tuple[str, ...]:
    """Tags that this answer ends; only one to an unsafe method that did no harm (RFC 9875, section 3)."""
    if request.method in SAFE_METHODS or not 200 <= response.status < 400:
        return ()
    return groups(response.fields, b"cache-group-invalidation")


def _is_tag(tag: str) -> bool:
    return 0 < len(tag) <= TAG_CHARACTERS_MAX and tag.isascii() and tag.isprintable()
