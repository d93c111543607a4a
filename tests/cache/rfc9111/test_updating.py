"""RFC 9111, sections 3.2 and 4.3.4: what is kept is renewed by an answer without a body."""

import pytest

from cache.rfc9111.fields import first
from cache.rfc9111.policy import DAY_MS, Policy
from cache.rfc9111.storing import NotStorable, Storable
from cache.rfc9111.updating import Merged, merge_304
from tests.cache.rfc9111.messages import NOW_MS, PLAIN, answered, get, kept

LAST = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 08:49:38 GMT"
OLD_DATE = "date: Sun, 06 Nov 1994 08:49:37 GMT"
BASE = "cache-control: max-age=60\ncontent-type: text/plain\nx-a: old\n"
STRONG = BASE + 'etag: "a"'
WEAK = BASE + 'etag: W/"a"'
DATED = BASE + f"last-modified: {LAST}"
POLICY = Policy(keep_ms=DAY_MS)


def merged(stored: str, fields: str, *, dated: bool = True) -> Merged | None:
    return merge_304(kept(stored, policy=POLICY), get(), answered(fields, 304, dated=dated), PLAIN)


def fields_of(found: Merged | None) -> tuple[tuple[bytes, bytes], ...]:
    assert found is not None
    return found.fields


OURS = [
    ("strong by strong", STRONG, 'etag: "a"', True),
    ("another", STRONG, 'etag: "b"', False),
    ("weak by weak", WEAK, 'etag: W/"a"', True),
    ("a strong one chooses strongly", WEAK, 'etag: "a"', False),
    ("a weak one weakly", STRONG, 'etag: W/"a"', True),
    ("by the date", DATED, f"last-modified: {LAST}", True),
    ("by another date", DATED, f"last-modified: {LATER}", False),
    ("a date that we did not have", STRONG, f"last-modified: {LAST}", True),
    ("a tag that we did not have", DATED, 'etag: "b"', False),
    ("without any: we asked by ours alone", STRONG, "", True),
    ("that varies otherwise", STRONG, 'etag: "a"\nvary: x-a', False),
    ("that varies as before", STRONG + "\nvary: X-A", 'etag: "a"\nvary: x-a', True),
    ("that says * now", STRONG, 'etag: "a"\nvary: *', False),
]


@pytest.mark.parametrize(
    ("stored", "fields", "ours"), [case[1:] for case in OURS], ids=[case[0] for case in OURS]
)
def test_9111_section_4_3_4_which_answer_it_is_of(stored: str, fields: str, ours: bool) -> None:
    """A 304 for something that we do not have is passed on, and nothing is kept of it."""
    assert (merged(stored, fields) is not None) == ours


def test_only_a_304_is_one() -> None:
    """Any other status is an answer of its own."""
    assert merge_304(kept(STRONG, policy=POLICY), get(), answered('etag: "a"', 200), PLAIN) is None


def test_9111_section_3_2_fields_are_replaced_and_added() -> None:
    """Trap of the 304: what the origin says now counts, line by line of each name."""
    found = fields_of(
        merged(
            STRONG + "\nlink: <a>\nlink: <b>",
            'etag: "a"\nx-a: new\nx-b: 1\nlink: <c>\ncache-control: max-age=5',
        )
    )
    assert [value for name, value in found if name == b"link"] == [b"<c>"]
    assert (first(found, b"x-a"), first(found, b"x-b")) == (b"new", b"1")
    assert first(found, b"cache-control") == b"max-age=5"


def test_9111_section_3_2_what_belongs_to_the_bytes_stays() -> None:
    """Type, coding and length are of the body, which did not change; a weak tag replaces no strong one."""
    told = (
        'etag: W/"a"\ncontent-type: x/y\ncontent-encoding: br\ncontent-length: 0\ncontent-range: bytes 0-1/2'
    )
    found = fields_of(merged(STRONG, told))
    assert first(found, b"content-type") == b"text/plain"
    assert first(found, b"etag") == b'"a"'
    assert {b"content-encoding", b"content-length", b"content-range"}.isdisjoint(name for name, _ in found)


def test_9111_section_3_1_fields_of_the_connection_do_not_come_in_by_a_304() -> None:
    """Neither they nor those that Connection names."""
    found = fields_of(merged(STRONG, 'etag: "a"\nconnection: x-hop\nx-hop: 1\nkeep-alive: 5\nage: 0'))
    kept_names = {name for name, _ in found}
    assert {b"connection", b"x-hop", b"keep-alive"}.isdisjoint(kept_names)


def test_9111_section_4_3_4_it_is_fresh_again() -> None:
    """From the 304's own time on, also where that has no Date and what we kept has an old one."""
    old = f"{OLD_DATE}\n{STRONG}"
    found = merged(old, 'etag: "a"', dated=False)
    assert found is not None
    assert isinstance(found.kept, Storable)
    assert found.kept.stored.fresh_until_ms == NOW_MS + 60_000


def test_9111_section_4_3_4_the_age_of_a_304_counts() -> None:
    """It may come from a cache itself."""
    found = merged(STRONG, 'etag: "a"\nage: 20')
    assert found is not None
    assert isinstance(found.kept, Storable)
    assert found.kept.stored.fresh_until_ms == NOW_MS + 40_000
    assert first(found.kept.stored.fields, b"age") is None


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("cache-control: no-store", "no-store"),
        ("cache-control: private", "private"),
        ("set-cookie: a=1", "set-cookie"),
    ],
)
def test_a_304_can_end_what_is_kept(told: str, reason: str) -> None:
    """It is still the answer, but from now on it is nobody else's."""
    found = merged(STRONG, 'etag: "a"\n' + told)
    assert found is not None
    assert found.kept == NotStorable(reason)
