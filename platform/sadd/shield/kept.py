"""What the shield keeps: answers, each with its head and the choice that it is the answer to.

The entry at a URL's own key is one of its answers, and says by which fields they vary; the others lie each
under a key of its own. So what does not vary, and the first of what does, is one look-up and one fetch.
"""

from cache.entry import Entry
from cache.rfc9111.stored import Stored, pack, unpack

KIND = "application/http"
"""The content type of all our entries: each says its own in its head."""


def packed(stored: Stored, chosen: str) -> bytes:
    """``chosen`` is what the request had in the fields that the answer varies by; empty: by none."""
    return chosen.encode() + b"\n" + pack(stored)


def stored_of(entry: Entry | None) -> Stored | None:
    """The head of an answer; None for what another version wrote."""
    if entry is None:
        return None
    try:
        return unpack(entry.content.meta.partition(b"\n")[2])
    except ValueError:
        return None


def chosen_of(entry: Entry) -> str:
    return entry.content.meta.partition(b"\n")[0].decode("ascii", "replace")
