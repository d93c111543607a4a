"""How a cache dealt with a request, in one field (RFC 9211)."""

import re
from typing import Literal, TypeAlias

Forwarded: TypeAlias = Literal[
    "bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"
]
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
_NOT_IN_STRING = re.compile(r"[^\x20-\x7e]")
FIELD = b"cache-status"


def cache_status(
    name: str,
    *,
    hit: bool = False,
    fwd: Forwarded | None = None,
    fwd_status: int | None = None,
    ttl_s: int | None = None,
    stored: bool | None = None,
    collapsed: bool | None = None,
    key: str | None = None,
    detail: str | None = None,
) -> tuple[bytes, bytes]:
    """The field with one member; another cache's, if there is one, goes before it as its own line.

    Either ``hit`` or ``fwd``. ``key`` shows how keys are made, which helps who wants to poison them: only to
    operators (section 6).
    """
    assert hit != (fwd is not None), "a request was answered here or forwarded"
    parts = [_item(name), "hit" if hit else f"fwd={fwd}"]
    if fwd_status is not None:
        parts.append(f"fwd-status={fwd_status}")
    if ttl_s is not None:
        parts.append(f"ttl={ttl_s}")
    if stored is not None:
        parts.append("stored" if stored else "stored=?0")
    if collapsed is not None:
        parts.append("collapsed" if collapsed else "collapsed=?0")
    if key is not None:
        parts.append("key=" + _string(key))
    if detail is not None:
        parts.append("detail=" + _item(detail))
    return FIELD, "; ".join(parts).encode()


def _item(text: str) -> str:
    return text if _TOKEN.fullmatch(text) else _string(text)


def _string(text: str) -> str:
    text = _NOT_IN_STRING.sub("?", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
