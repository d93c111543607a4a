"""RFC 9111, section 4: whether what is kept may answer; 5861 and 8246 for what is stale or reloaded."""

import pytest

from cache.rfc9111.policy import DAY_MS, Policy
from cache.rfc9111.reuse import FRESH, STALE, Validate, only_if_cached, reuse
from tests.cache.rfc9111.messages import NOW_MS, get, kept

POLICY = Policy(keep_ms=DAY_MS)
ETAG = '\netag: "a"'
PLAIN = "cache-control: max-age=60" + ETAG
AGED = "cache-control: max-age=60\nage: 30" + ETAG
SWR = "cache-control: max-age=60, stale-while-revalidate=30" + ETAG
SIE = "cache-control: max-age=60, stale-if-error=30" + ETAG
STRICT = "cache-control: max-age=60, must-revalidate" + ETAG
IMMUTABLE = "cache-control: max-age=60, immutable" + ETAG
CHECKED = "cache-control: max-age=60, no-cache" + ETAG

BY_REQUEST = Validate("request", error_ok=True)
STALE_NOW = Validate("stale", error_ok=False)
IF_IT_FAILS = Validate("stale", error_ok=True)

TABLE = [
    ("4.2 fresh", PLAIN, "", 59_999, FRESH),
    ("4.2 stale at the end", PLAIN, "", 60_000, STALE_NOW),
    ("4.2.3 the age that it came with counts", AGED, "", 30_000, STALE_NOW),
    ("4.2.3 and no more than that", AGED, "", 29_999, FRESH),
    ("5.2.2.4 no-cache is asked for each time", CHECKED, "", 0, Validate("request", error_ok=False)),
    ("5.2.1.1 max-age of a request", PLAIN, "cache-control: max-age=10", 10_001, BY_REQUEST),
    ("5.2.1.1 not yet", PLAIN, "cache-control: max-age=10", 10_000, FRESH),
    ("5.2.1.1 the age that it came with counts", AGED, "cache-control: max-age=10", 0, BY_REQUEST),
    ("5.2.1.1 a reload", PLAIN, "cache-control: max-age=0", 0, BY_REQUEST),
    ("5.2.1.1 one that cannot be read is 0", PLAIN, "cache-control: max-age=x", 0, BY_REQUEST),
    ("5.2.1.2 max-stale", PLAIN, "cache-control: max-stale=10", 70_000, FRESH),
    ("5.2.1.2 no further", PLAIN, "cache-control: max-stale=10", 70_001, STALE_NOW),
    ("5.2.1.2 any", PLAIN, "cache-control: max-stale", 60_000 + DAY_MS, FRESH),
    ("5.2.1.2 the origin forbids it", STRICT, "cache-control: max-stale", 60_000, STALE_NOW),
    (
        "5.2.1.2 the client takes less than the origin allows",
        SWR,
        "cache-control: max-stale=1",
        70_000,
        IF_IT_FAILS,
    ),
    ("5.2.1.3 min-fresh", PLAIN, "cache-control: min-fresh=30", 30_001, BY_REQUEST),
    ("5.2.1.3 not yet", PLAIN, "cache-control: min-fresh=30", 30_000, FRESH),
    ("5.2.1.4 no-cache of a request", PLAIN, "cache-control: no-cache", 0, BY_REQUEST),
    ("5.4 by Pragma", PLAIN, "pragma: no-cache", 0, BY_REQUEST),
    ("5.4 not beside Cache-Control", PLAIN, "pragma: no-cache\ncache-control: x", 0, FRESH),
    ("5861 3 stale while it is renewed", SWR, "", 60_000, STALE),
    ("5861 3 to its end", SWR, "", 89_999, STALE),
    ("5861 3 and no further", SWR, "", 90_000, STALE_NOW),
    (
        "5861 3 not against the client's no-cache",
        SWR,
        "cache-control: no-cache",
        70_000,
        IF_IT_FAILS,
    ),
    ("5861 3 nor its max-age", SWR, "cache-control: max-age=65", 70_000, IF_IT_FAILS),
    ("5861 4 if the origin fails", SIE, "", 60_000, IF_IT_FAILS),
    ("5861 4 to its end", SIE, "", 90_000, STALE_NOW),
    (
        "5861 4 by the client",
        PLAIN,
        "cache-control: stale-if-error=20",
        79_999,
        IF_IT_FAILS,
    ),
    ("5861 4 not against the origin", STRICT, "cache-control: stale-if-error=20", 60_000, STALE_NOW),
    ("8246 a reload of what cannot change", IMMUTABLE, "cache-control: max-age=0", 10_000, FRESH),
    ("8246 while it is fresh", IMMUTABLE, "cache-control: max-age=0", 60_000, STALE_NOW),
    ("8246 not a forced one", IMMUTABLE, "cache-control: no-cache", 0, BY_REQUEST),
]


@pytest.mark.parametrize(
    ("fields", "asked", "after_ms", "found"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE]
)
def test_9111_section_4_reuse(fields: str, asked: str, after_ms: int, found: object) -> None:
    """By its times, the origin's word and the client's, to the millisecond."""
    assert reuse(get(asked), kept(fields, policy=POLICY), NOW_MS + after_ms) == found


def test_9111_section_5_2_1_7_only_if_cached() -> None:
    """Who asks so is answered from here or with 504."""
    assert only_if_cached(get("cache-control: only-if-cached"))
    assert not only_if_cached(get("cache-control: no-cache"))


def test_9111_section_4_2_4_a_service_may_allow_what_the_origin_leaves_open() -> None:
    """Where the origin says nothing of stale answers the service's own times count."""
    lenient = Policy(stale_ms=10_000, error_ms=20_000)
    stored = kept(PLAIN, policy=lenient)
    assert reuse(get(), stored, NOW_MS + 69_999) == STALE
    assert reuse(get(), stored, NOW_MS + 79_999) == Validate("stale", error_ok=True)
    assert reuse(get(), kept(STRICT, policy=lenient), NOW_MS + 60_000) == STALE_NOW
