"""The page for those who write services says what the functions do."""

import re
from pathlib import Path

import pytest

from cache.rfc9111.policy import Policy
from cache.rfc9111.storing import UNDERSTOOD, NotStorable, storable
from tests.cache.rfc9111.messages import NOW_MS, answered, get

PAGE = (Path(__file__).parents[3] / "docs" / "http-caching.md").read_text()
ROWS = re.findall(
    r"^\| (`.*?`) \| (\d+ s|asked each time|not kept) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE
)


def test_the_table_is_there() -> None:
    """A page whose table cannot be read would be tested by nothing."""
    assert len(ROWS) == PAGE.count("\n| `C") + PAGE.count("\n| `L") - PAGE.count("\n| `Cache-Status")


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_says_what_happens(row: tuple[str, str, str, str]) -> None:
    """How long an answer is fresh, stale while it is renewed, and served in the place of an error."""
    said, fresh, stale, error = row
    found = storable(get(), answered("\n".join(re.findall(r"`(.*?)`", said))), Policy())
    assert isinstance(found, NotStorable) == (fresh == "not kept")
    if not isinstance(found, NotStorable):
        stored = found.stored
        is_asked = stored.must_validate or stored.fresh_until_ms <= NOW_MS
        assert ("asked each time" if is_asked else shown(stored.fresh_until_ms - NOW_MS)) == fresh
        assert shown(found.lifetime.stale_ms) == stale
        assert shown(found.lifetime.error_ms) == error


def shown(ms: int) -> str:
    return f"{ms // 1000} s" if ms else "–"


def test_each_status_that_is_kept_is_named() -> None:
    """In the page's own order."""
    named = re.search(r"Of the statuses (.*?) are kept; (.*?) for", PAGE, re.DOTALL)
    assert named is not None
    assert {int(status) for status in re.findall(r"\d{3}", "".join(named.groups()))} == UNDERSTOOD
