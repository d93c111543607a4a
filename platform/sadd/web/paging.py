"""Pages of a sorted list, by a cursor that names the last item rather than its place.

What is added or removed elsewhere moves no page: no item is shown twice and none is skipped.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sadd.web.problem import Problem, invalid_request

LIMIT_DEFAULT = 20
LIMIT_MAX = 100

Key = tuple[int, str]
"""What a list is sorted by: a rank (0 where there is none), then the id."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list as somebody asked for it. ``asked`` are the filters: a cursor is good for the same ones only."""

    asked: Mapping[str, Any]
    limit: int
    cursor: str | None

    def page(self, keys: Sequence[Key]) -> tuple[Sequence[Key], str | None]:
        """The keys of this page, of all ``keys`` in order, and the cursor of the next one if there is one."""
        start = 0 if self.cursor is None else bisect_right(keys, self._last())
        page = keys[start : start + self.limit]
        more = start + self.limit < len(keys)
        return page, self._cursor(page[-1]) if more else None

    def _cursor(self, last: Key) -> str:
        raw = msgspec.json.encode((self._mark(), last))
        return urlsafe_b64encode(raw).rstrip(b"=").decode()

    def _last(self) -> Key:
        """The key in the cursor. Problem: the cursor is none of ours, or belongs to other filters."""
        assert self.cursor is not None
        try:
            raw = urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4))
            mark, last = msgspec.json.decode(raw, type=tuple[str, Key])
        except (ValueError, msgspec.MsgspecError):
            raise _refused("not a cursor of this service") from None
        if mark != self._mark():
            raise _refused("a cursor of another query; send the same filters with it")
        return last

    def _mark(self) -> str:
        return hashlib.blake2b(msgspec.json.encode(self.asked), digest_size=6).hexdigest()


def _refused(what: str) -> Problem:
    return invalid_request(f"{what}: cursor", status=400, errors=[{"parameter": "cursor", "detail": what}])
