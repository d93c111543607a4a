"""Under which key a page lies: its whole URL as it is asked of the origin, byte for byte.

Nothing is decoded, sorted or cut before it is hashed: two spellings that an origin might take for two pages
are two keys. The readable part is for people, and names nothing.
"""

import re
from hashlib import blake2b

READABLE_CHARACTERS_MAX = 80
_UNREADABLE = re.compile(r"[^A-Za-z0-9._~/-]")


def key_of(scheme: str, host: bytes, target: bytes, origin: bytes | None = None) -> str:
    """``origin`` is the request's field of that name, which cross-origin answers depend on, told or not."""
    digest = _digest(b"url", scheme.encode(), host, target, b"" if origin is None else b"o" + origin)
    path = target.partition(b"?")[0].decode("latin-1")[:READABLE_CHARACTERS_MAX]
    return f"{_UNREADABLE.sub('-', path)}~{digest}"


def tag_of(scheme: str, host: bytes, target: bytes) -> str:
    """All that lies under a URL, in whatever variant."""
    return "url~" + _digest(b"tag", scheme.encode(), host, target)


def _digest(person: bytes, *parts: bytes) -> str:
    hashed = blake2b(digest_size=16, person=person)
    for part in parts:
        hashed.update(len(part).to_bytes(4, "big") + part)
    return hashed.hexdigest()
