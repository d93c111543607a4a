"""What the shield keeps: answers, and signs that say by which fields answers vary."""

from cache.entry import Entry
from cache.rfc9111.stored import Stored, unpack

KIND = "application/http"
"""The content type of all our entries: each says its own in its head."""
_SIGN = b"\0vary\0"
"""No packed answer begins so."""


def sign(vary: tuple[bytes, ...]) -> bytes:
    return _SIGN + b",".join(vary)


def sign_of(entry: Entry) -> tuple[bytes, ...] | None:
    """The names of the fields, if the entry is a sign."""
    meta = entry.content.meta
    return tuple(meta[len(_SIGN) :].split(b",")) if meta.startswith(_SIGN) else None


def stored_of(entry: Entry | None) -> Stored | None:
    """The head of an answer; None for what is none, or was written by another version."""
    if entry is None or entry.content.meta.startswith(_SIGN):
        return None
    try:
        return unpack(entry.content.meta)
    except ValueError:
        return None
