"""RFC 9111, section 4.2: how old an answer is, and how long it is fresh."""

import pytest

from cache.rfc9111.dates import date_text
from cache.rfc9111.directives import governing
from cache.rfc9111.freshness import HEURISTIC_STATUSES, Lifetime, born_ms, lifetime
from cache.rfc9111.policy import DAY_MS, Policy
from tests.cache.rfc9111.messages import HOUR_MS, NOW_MS, PLAIN, answered


def life(fields: str, policy: Policy = PLAIN, status: int = 200) -> Lifetime:
    response = answered(fields, status)
    said, is_targeted = governing(response.fields)
    return lifetime(response, said, targeted=is_targeted, policy=policy)


def at(offset_ms: int) -> str:
    return date_text(NOW_MS + offset_ms).decode()


LIFETIMES = [
    ("s-maxage before max-age", "cache-control: max-age=1, s-maxage=60", 60_000, "s-maxage"),
    ("whatever the order", "cache-control: s-maxage=60, max-age=1", 60_000, "s-maxage"),
    ("max-age before Expires", f"cache-control: max-age=60\nexpires: {at(-HOUR_MS)}", 60_000, "max-age"),
    ("max-age=0 before a late Expires", f"cache-control: max-age=0\nexpires: {at(HOUR_MS)}", 0, "max-age"),
    (
        "a bad max-age is stale, late Expires or not",
        f"cache-control: max-age=x\nexpires: {at(HOUR_MS)}",
        0,
        "max-age",
    ),
    ("Expires less Date", f"expires: {at(HOUR_MS)}", HOUR_MS, "expires"),
    ("by the origin's clock", f"date: {at(-DAY_MS)}\nexpires: {at(-DAY_MS + HOUR_MS)}", HOUR_MS, "expires"),
    ("Expires in the past", f"expires: {at(-HOUR_MS)}", 0, "expires"),
    ("Expires: 0", "expires: 0", 0, "expires"),
    ("Expires that is no date", "expires: Thu, 18 Aug 2050 02:01:18 UTC", 0, "expires"),
    ("the first of two Expires", f"expires: {at(HOUR_MS)}\nexpires: 0", HOUR_MS, "expires"),
    ("nothing said", "", 0, "none"),
    ("Last-Modified alone says nothing by default", f"last-modified: {at(-10 * HOUR_MS)}", 0, "none"),
    ("9213: Expires does not count", f"cdn-cache-control: public\nexpires: {at(HOUR_MS)}", 0, "none"),
]


@pytest.mark.parametrize(
    ("fields", "fresh_ms", "source"), [case[1:] for case in LIFETIMES], ids=[case[0] for case in LIFETIMES]
)
def test_9111_section_4_2_1_freshness_lifetime(fields: str, fresh_ms: int, source: str) -> None:
    """The first of s-maxage, max-age, Expires that is there counts, even if it cannot be read."""
    found = life(fields)
    assert (found.fresh_ms, found.source) == (fresh_ms, source)


def test_9111_section_4_2_2_heuristic_is_a_switch() -> None:
    """With it an answer is fresh for a tenth of its time without a change, a day at most."""
    switched = Policy(heuristic=True)
    assert life(f"last-modified: {at(-10 * HOUR_MS)}", switched) == Lifetime(HOUR_MS, 0, 0, "heuristic")
    assert life(f"last-modified: {at(-1000 * DAY_MS)}", switched).fresh_ms == DAY_MS
    assert life(f"last-modified: {at(HOUR_MS)}", switched).fresh_ms == 0
    assert life("", switched).fresh_ms == 0
    assert life(f"expires: 0\nlast-modified: {at(-10 * HOUR_MS)}", switched).fresh_ms == 0


@pytest.mark.parametrize(
    "status", [200, 203, 204, 300, 301, 302, 307, 308, 403, 404, 405, 410, 414, 500, 501]
)
def test_9111_section_4_2_2_heuristic_is_never_for_errors(status: int) -> None:
    """A guess about an error would keep what one bad request brought about (CPDoS)."""
    fresh_ms = life(f"last-modified: {at(-10 * HOUR_MS)}", Policy(heuristic=True), status).fresh_ms
    assert bool(fresh_ms) == (status in HEURISTIC_STATUSES)


AGES = [
    ("nothing", "", 0, 0),
    ("Age counts", "age: 60", 0, 60_000),
    ("the time that the request took counts", "age: 60", 5_000, 65_000),
    ("without Age too", "", 5_000, 5_000),
    ("an old Date counts", f"date: {at(-HOUR_MS)}", 0, HOUR_MS),
    ("the older of both", f"date: {at(-HOUR_MS)}\nage: 60", 5_000, HOUR_MS),
    ("a Date ahead makes nothing younger", f"date: {at(HOUR_MS)}\nage: 60", 0, 60_000),
    ("5.1 no number", "age: abc", 0, 0),
    ("5.1 negative", "age: -60", 0, 0),
    ("5.1 a fraction", "age: 60.0", 0, 0),
    ("5.1 the first of a list", "age: 60, 0", 0, 60_000),
    ("5.1 the first of two lines", "age: 0\nage: 60", 0, 0),
    ("1.2.2 too great", "age: 99999999999", 0, (2**31 - 1) * 1000),
]


@pytest.mark.parametrize(
    ("fields", "took_ms", "age_ms"), [case[1:] for case in AGES], ids=[case[0] for case in AGES]
)
def test_9111_section_4_2_3_age(fields: str, took_ms: int, age_ms: int) -> None:
    """Trap of clocks: the greater of what the Date shows and what Age says with the time on the way."""
    assert NOW_MS - born_ms(answered(fields, took_ms=took_ms)) == age_ms


def test_9111_section_4_2_3_age_without_a_date() -> None:
    """An answer without Date has the age of its way alone."""
    assert NOW_MS - born_ms(answered("", took_ms=70, dated=False)) == 70


LATER = [
    ("none", "max-age=60", Policy(), (0, 0)),
    ("5861 section 3", "max-age=60, stale-while-revalidate=5", Policy(), (5_000, 0)),
    ("5861 section 4", "max-age=60, stale-if-error=7", Policy(), (0, 7_000)),
    ("the service's own", "max-age=60", Policy(stale_ms=1, error_ms=2), (1, 2)),
    ("the origin's before it", "max-age=60, stale-if-error=0", Policy(stale_ms=1, error_ms=2), (1, 0)),
    (
        "4.2.4 must-revalidate forbids",
        "must-revalidate, stale-if-error=7",
        Policy(stale_ms=1, error_ms=2),
        (0, 0),
    ),
    ("4.2.4 proxy-revalidate", "proxy-revalidate, stale-if-error=7", Policy(stale_ms=1), (0, 0)),
    ("4.2.4 s-maxage", "s-maxage=1, stale-while-revalidate=7", Policy(stale_ms=1), (0, 0)),
    ("4.2.4 no-cache", "no-cache, stale-while-revalidate=7", Policy(stale_ms=1), (0, 0)),
]


@pytest.mark.parametrize(
    ("said", "policy", "later"), [case[1:] for case in LATER], ids=[case[0] for case in LATER]
)
def test_5861_both_count_from_the_end_of_freshness(said: str, policy: Policy, later: tuple[int, int]) -> None:
    """Stale times are beside freshness and not in it, and an origin can forbid them."""
    found = life(f"cache-control: {said}", policy)
    assert (found.stale_ms, found.error_ms) == later


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_fresh_no_longer_than_the_service_says(status: int) -> None:
    """A page that appears must not be missing for a day because somebody asked too early."""
    assert life("cache-control: max-age=86400", Policy(negative_ms=5_000), status).fresh_ms == 5_000
    assert life("cache-control: max-age=1", Policy(negative_ms=5_000), status).fresh_ms == 1_000
    assert life("", Policy(negative_ms=5_000), status).fresh_ms == 0
