"""RFC 9111, section 3: what a shared cache keeps, and what it must not."""

import pytest

from cache.rfc9111.fields import first
from cache.rfc9111.message import Request
from cache.rfc9111.policy import DAY_MS, Policy
from cache.rfc9111.stored import pack, unpack
from cache.rfc9111.storing import UNDERSTOOD, NotStorable, Storable, storable
from tests.cache.rfc9111.messages import NOW_MS, PLAIN, answered, get, kept

FRESH = "cache-control: max-age=60"


def outcome(fields: str, status: int = 200, request: Request | None = None, policy: Policy = PLAIN) -> str:
    """Why not; empty if it is kept."""
    found = storable(request or get(), answered(fields, status), policy)
    return found.reason if isinstance(found, NotStorable) else ""


REFUSED = [
    ("3 no-store", "cache-control: no-store, max-age=60", "no-store"),
    ("5.2.2.7 private", "cache-control: private, max-age=60", "private"),
    ("3 nothing says how long", "content-type: text/html", "no-freshness"),
    ("3 not fresh, no validator", "cache-control: max-age=0", "stale"),
    ("4.1 Vary: *", FRESH + "\nvary: *", "vary-any"),
    ("4.1 Vary: * in a list", FRESH + "\nvary: accept, *", "vary-any"),
    ("4.1 Vary: * on a line of its own", FRESH + "\nvary: accept\nvary: *", "vary-any"),
    ("4.1 by more than we keep apart", FRESH + "\nvary: a, b, c, d, e, f, g, h, i", "vary-many"),
    ("7.3 Set-Cookie", FRESH + "\nset-cookie: a=1", "set-cookie"),
    ("7.3 Set-Cookie, however public", "cache-control: public, s-maxage=60\nset-cookie: a=1", "set-cookie"),
    ("5.2.2.4 no-cache that nothing can validate", "cache-control: no-cache", "no-cache"),
    ("9213 no-store for us", FRESH + "\ncdn-cache-control: no-store", "no-store"),
    ("9213 private for us", FRESH + "\ncdn-cache-control: private", "private"),
]


@pytest.mark.parametrize(
    ("fields", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_9111_section_3_is_not_kept(fields: str, reason: str) -> None:
    """Each of these answers is one that a shared cache must not, or need not, keep."""
    assert outcome(fields) == reason


@pytest.mark.parametrize("heuristic", [False, True])
@pytest.mark.parametrize(
    "fields",
    ["content-type: text/html", 'etag: "a"', "cache-control: public", "cache-control: stale-if-error=9"],
)
def test_a_class_that_serves_stale_keeps_nothing_without_a_freshness(fields: str, heuristic: bool) -> None:
    """One citizen's page without Cache-Control was else everybody's for the class's stale times."""
    policy = Policy(heuristic=heuristic, stale_ms=900_000, error_ms=3_600_000)
    assert outcome(fields, policy=policy) == "no-freshness"


def test_a_stream_of_events_is_not_waited_for() -> None:
    """Whatever its origin says: it has no end."""
    assert outcome(f"{FRESH}\ncontent-type: Text/Event-Stream; charset=utf-8") == "event-stream"


def test_last_modified_alone_is_no_freshness() -> None:
    """Unless the class has heuristic freshness, which is off by default."""
    policy = Policy(stale_ms=900_000, error_ms=3_600_000)
    assert outcome("last-modified: Sun, 01 Jan 2023 00:00:00 GMT", policy=policy) == "no-freshness"


KEPT = [
    ("3 max-age", FRESH),
    ("3 s-maxage", "cache-control: s-maxage=60"),
    ("5.2.2.9 public", "cache-control: public, max-age=60"),
    ("5.2.2.3 must-understand, and we do", "cache-control: must-understand, no-store, max-age=60"),
    ("5.2.2.7 private with names", 'cache-control: private="x-mine", max-age=60\nx-mine: 1'),
    (
        "5.2.2.7 a cookie that is named apart",
        'cache-control: private="set-cookie", max-age=60\nset-cookie: a=1',
    ),
    ("5.2.2.4 the same by no-cache", 'cache-control: no-cache="set-cookie", max-age=60\nset-cookie: a=1'),
    ("4.1 Vary", FRESH + "\nvary: accept, x-a"),
    ("9213 for us alone", "cache-control: no-store\ncdn-cache-control: max-age=60"),
    ("5.4 Pragma of an answer means nothing", FRESH + "\npragma: no-cache"),
]


@pytest.mark.parametrize("fields", [case[1] for case in KEPT], ids=[case[0] for case in KEPT])
def test_9111_section_3_is_kept(fields: str) -> None:
    """Each of these may be kept, and keeping it saves a request."""
    assert outcome(fields) == ""


@pytest.mark.parametrize(
    "status", [*range(100, 104), *range(200, 209), *range(300, 309), *range(400, 452), *range(500, 512)]
)
def test_9111_section_3_statuses_that_are_understood(status: int) -> None:
    """No error that one odd request can bring about is ever kept (CPDoS), nor a part, nor a 304."""
    allowed = status in UNDERSTOOD
    assert (
        outcome("cache-control: public, s-maxage=60", status, policy=Policy(negative_ms=DAY_MS)) == ""
    ) == allowed
    assert not allowed or status not in {206, 304, 400, 405, 408, 413, 414, 429, 431, 500, 502, 503, 504}


def test_9111_section_5_2_2_3_must_understand() -> None:
    """With it, what we do not understand is not kept even though it is fresh."""
    assert outcome("cache-control: must-understand, max-age=60", 226) == "status"


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_page_is_kept_only_where_the_service_wants_it(status: int) -> None:
    """And only with a freshness of the origin's own."""
    assert outcome(FRESH, status) == "not-found"
    assert outcome(FRESH, status, policy=Policy(negative_ms=5_000)) == ""
    assert outcome("", status, policy=Policy(negative_ms=5_000)) == "not-found"


REQUESTS = [
    ("3 HEAD", get(method="HEAD"), FRESH, "method"),
    ("3 POST", get(method="POST"), FRESH, "method"),
    ("3 PUT", get(method="PUT"), FRESH, "method"),
    ("5.2.1.5 no-store of the request", get("cache-control: no-store"), FRESH, "request-no-store"),
    ("3.5 Authorization", get("authorization: Basic eA=="), FRESH, "authorization"),
    ("3.5 with public", get("authorization: Basic eA=="), "cache-control: public, max-age=60", ""),
    ("3.5 with s-maxage", get("authorization: Basic eA=="), "cache-control: s-maxage=60", ""),
    (
        "3.5 with must-revalidate",
        get("authorization: Basic eA=="),
        "cache-control: must-revalidate, max-age=60",
        "",
    ),
    (
        "3.5 not with proxy-revalidate",
        get("authorization: x"),
        "cache-control: proxy-revalidate, max-age=60",
        "authorization",
    ),
    ("7.3 who is signed in", get(personal=True), "cache-control: public, s-maxage=60", "personal"),
    ("5.2.1.4 no-cache of the request is no matter", get("cache-control: no-cache"), FRESH, ""),
]


@pytest.mark.parametrize(
    ("request_", "fields", "reason"), [case[1:] for case in REQUESTS], ids=[case[0] for case in REQUESTS]
)
def test_9111_section_3_by_the_request(request_: Request, fields: str, reason: str) -> None:
    """What was asked decides too whether the answer may be everybody's."""
    assert outcome(fields, request=request_) == reason


def test_9111_section_3_1_fields_that_are_not_kept() -> None:
    """Neither those of the connection, nor those that it names, nor those that belong to one visitor."""
    stored = kept(
        """
        cache-control: max-age=60, private="x-private", no-cache="x-checked"
        connection: keep-alive, X-Named
        keep-alive: timeout=5
        x-named: 1
        x-private: 1
        x-checked: 1
        proxy-authenticate: Basic
        transfer-encoding: chunked
        trailer: x-t
        upgrade: h2c
        te: trailers
        content-length: 5
        age: 3
        x-kept: 1
        repr-digest: sha-256=:AA==:
        """
    )
    assert {name for name, _ in stored.fields} == {b"cache-control", b"x-kept", b"date", b"repr-digest"}


def test_9110_section_6_6_1_an_answer_without_date_gets_one() -> None:
    """Without it nobody behind us could tell how old it is."""
    found = storable(get(), answered(FRESH, dated=False), PLAIN)
    assert isinstance(found, Storable)
    assert first(found.stored.fields, b"date") is not None


def test_what_has_a_validator_is_kept_to_be_validated() -> None:
    """A stale page whose origin still has the same costs no body; one without a validator is of no use."""
    policy = Policy(keep_ms=DAY_MS)
    with_etag = kept('cache-control: max-age=60\netag: "a"', policy=policy)
    assert with_etag.keep_until_ms == NOW_MS + 60_000 + DAY_MS
    assert kept(FRESH, policy=policy).keep_until_ms == NOW_MS + 60_000
    assert outcome('cache-control: no-cache\netag: "a"', policy=policy) == ""
    assert outcome('etag: "a"', policy=policy) == "no-freshness"
    assert outcome('etag: "a"', 404, policy=policy) == "not-found"


def test_moments_are_in_order() -> None:
    """Fresh, stale, in place of an error, kept: none ends before the one on its left."""
    stored = kept("cache-control: max-age=60, stale-while-revalidate=30, stale-if-error=10\nage: 20")
    assert stored.born_ms == NOW_MS - 20_000
    moments = (stored.fresh_until_ms, stored.stale_until_ms, stored.error_until_ms, stored.keep_until_ms)
    assert moments == tuple(NOW_MS + ms for ms in (40_000, 70_000, 70_000, 70_000))


def test_what_is_kept_is_packed_and_read_back() -> None:
    """What lies beside a body in the store is the same when it is read; anything else is refused."""
    stored = kept(FRESH + '\nvary: accept\nsurrogate-key: a b\netag: "\x80"')
    assert unpack(pack(stored)) == stored
    for broken in (b"", b"\x80", pack(stored)[:-1]):
        with pytest.raises(ValueError):
            unpack(broken)
