"""Whatever an origin or a client writes, the cache decides; it never raises."""

from hypothesis import given
from hypothesis import strategies as st

from cache.rfc9111.answering import answer
from cache.rfc9111.asking import bypass, fetch_fields, with_validators
from cache.rfc9111.fields import Fields
from cache.rfc9111.invalidation import invalidates
from cache.rfc9111.message import Request, Response
from cache.rfc9111.policy import Policy
from cache.rfc9111.reuse import reuse
from cache.rfc9111.search import no_vary_search
from cache.rfc9111.stored import pack, unpack
from cache.rfc9111.storing import Storable, storable
from cache.rfc9111.tags import invalidated_groups, tags
from cache.rfc9111.updating import merge_304
from cache.rfc9111.vary import vary_key
from tests.cache.rfc9111.messages import NOW_MS

NAMES = [
    *(b"cache-control", b"cdn-cache-control", b"pragma", b"expires", b"date", b"age", b"vary", b"etag"),
    *(b"last-modified", b"connection", b"set-cookie", b"cache-groups", b"cache-group-invalidation"),
    *(b"surrogate-key", b"no-vary-search", b"location", b"content-location", b"content-encoding", b"range"),
    *(b"if-range", b"if-none-match", b"if-modified-since", b"accept-encoding", b"accept-language"),
]
WORDS = [
    *(
        b"max-age=",
        b"s-maxage=60",
        b"no-cache",
        b"private=",
        b"stale-if-error=9",
        b"60",
        b"bytes=0-,-5",
        b"gzip;q=0.",
    ),
    *(
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b'"a"',
        b'W/"a"',
        b"*",
        b",",
        b'"',
        b";",
        b"params=(",
        b"key-order",
        b"//[",
    ),
]
VALUES = st.lists(st.sampled_from(WORDS) | st.binary(max_size=6), max_size=4).map(b"".join)
FIELDS = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6).map(tuple)
POLICY = Policy(heuristic=True, negative_ms=1000, languages=(b"ar", b"en"))


@given(FIELDS, FIELDS, FIELDS, st.sampled_from((200, 204, 301, 304, 404, 500)))
def test_no_fields_make_it_fail(asked: Fields, said: Fields, later: Fields, status: int) -> None:
    """From the request to what is kept, its reuse, its answer, and its renewal."""
    request = Request(b"GET", b"/a?\xff", asked)
    response = Response(status, said, NOW_MS - 5, NOW_MS)
    bypass(request)
    no_vary_search(said).normal(b"a=%ff&\xff&=")
    tags(said)
    changing = Request(b"POST", b"/a", asked)
    invalidates(changing, response, (b"a.example",))
    invalidated_groups(changing, response)
    found = storable(request, response, POLICY)
    if not isinstance(found, Storable):
        return
    stored = unpack(pack(found.stored))
    assert stored == found.stored
    assert stored.born_ms <= NOW_MS
    assert stored.fresh_until_ms <= stored.stale_until_ms <= stored.error_until_ms <= stored.keep_until_ms
    vary_key(stored.vary, fetch_fields(asked, stored.vary, POLICY), POLICY)
    reuse(request, stored, NOW_MS + 1000)
    given_ = answer(request, stored, b"0123456789", NOW_MS + 1000)
    assert given_.length is None or given_.length == len(given_.body)
    with_validators(asked, stored)
    merge_304(stored, request, Response(304, later, NOW_MS, NOW_MS + 9), POLICY)
