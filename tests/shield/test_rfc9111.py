"""RFC 9111 for a shared cache, over the wire; each case is named by its section."""

import itertools
from functools import partial

import msgspec
import pytest

from sadd.catalogue.model import CacheClass
from tests.shield.origin import Origin, Request, ok
from tests.shield.scene import RULES, Scene, shielded
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

_numbers = itertools.count(1)


def path() -> str:
    """One that nobody asked for yet."""
    return f"/p{next(_numbers)}"


OK = "200 OK"
ONCE = {
    "3 a GET with a freshness": ((), "Cache-Control: max-age=60"),
    "3 public": ((), "Cache-Control: public, max-age=60"),
    "3 must-understand and no-store of a status that is understood": (
        (),
        "Cache-Control: must-understand, no-store, max-age=60",
    ),
    "4.2.1 s-maxage before max-age": ((), "Cache-Control: max-age=0, s-maxage=60"),
    "4.2.1 max-age before Expires": (
        (),
        "Cache-Control: max-age=60\r\nExpires: Thu, 01 Jan 1970 00:00:00 GMT",
    ),
    "4.2.1 Expires": ((), "Expires: Fri, 01 Jan 2100 00:00:00 GMT"),
    "4.2.1 a date of two digits": ((), "Expires: Friday, 01-Jan-40 00:00:00 GMT"),
    "4.2.1 the first of two": ((), "Cache-Control: max-age=60\r\nCache-Control: max-age=0"),
    "4.2.1 a list over two lines": ((), "Cache-Control: public\r\nCache-Control: max-age=60"),
    "4.2.3 a small Age": ((), "Cache-Control: max-age=60\r\nAge: 30"),
    "5.2 names in any case": ((), "CACHE-CONTROL: Max-Age=60"),
    "5.2 an unknown directive": ((), 'Cache-Control: x="max-age=0, no-store", max-age=60'),
    "5.2.1.1 max-age of a request that suffices": (
        ("Cache-Control: max-age=600",),
        "Cache-Control: max-age=60",
    ),
    "5.2.1.3 min-fresh that suffices": (("Cache-Control: min-fresh=10",), "Cache-Control: max-age=60"),
    "5.2.1.2 max-stale takes what is stale": (
        ("Cache-Control: max-stale=1000",),
        'Cache-Control: max-age=60\r\nAge: 100\r\nETag: "a"',
    ),
    "5.2.1.7 only-if-cached of what is": (("Cache-Control: only-if-cached",), "Cache-Control: max-age=60"),
    "5.3 an Expires that is none, where max-age is": ((), "Cache-Control: max-age=60\r\nExpires: 0"),
    "RFC 9213 2.2 CDN-Cache-Control before Cache-Control": (
        (),
        "CDN-Cache-Control: max-age=60\r\nCache-Control: no-store",
    ),
    "RFC 9213 2.2 one that is none counts for nothing": (
        (),
        "CDN-Cache-Control: &&\r\nCache-Control: max-age=60",
    ),
    "RFC 8246 2 a reload of what is immutable": (
        ("Cache-Control: max-age=0",),
        "Cache-Control: max-age=60, immutable",
    ),
    "RFC 9110 15.3.1 a redirect with a freshness": ((), "Cache-Control: max-age=60\r\nLocation: /x"),
}
TWICE = {
    "3 no freshness": ((), "X-Nothing: 1"),
    "3 private": ((), "Cache-Control: private, max-age=60"),
    "3 no-store": ((), "Cache-Control: no-store, max-age=60"),
    "3 Set-Cookie": ((), "Cache-Control: max-age=60\r\nSet-Cookie: a=b"),
    "3.5 Authorization without leave": (("Authorization: Basic eA==",), "Cache-Control: max-age=60"),
    "4 no-cache": ((), 'Cache-Control: no-cache, max-age=60\r\nETag: "a"'),
    "4.1 Vary: *": ((), "Cache-Control: max-age=60\r\nVary: *"),
    "4.1 Vary with * in it": ((), "Cache-Control: max-age=60\r\nVary: Accept, *"),
    "4.1 Vary: Cookie of who has one": (("Cookie: a=b",), "Cache-Control: max-age=60\r\nVary: Cookie"),
    "4.2.1 s-maxage=0": ((), "Cache-Control: max-age=60, s-maxage=0"),
    "4.2.1 a max-age that is no number": ((), "Cache-Control: max-age=-1"),
    "4.2.1 a max-age with a fraction": ((), "Cache-Control: max-age=60.5"),
    "4.2.3 an Age beyond the freshness": ((), "Cache-Control: max-age=60\r\nAge: 60"),
    "4.2.3 an old Date": ((), "Cache-Control: max-age=60\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT"),
    "4.2.4 stale that must be revalidated": (
        (),
        'Cache-Control: max-age=1, must-revalidate\r\nAge: 5\r\nETag: "a"',
    ),
    "5.2.1.4 no-cache of a request": (("Cache-Control: no-cache",), "Cache-Control: max-age=60"),
    "5.2.1.5 no-store of a request": (("Cache-Control: no-store",), "Cache-Control: max-age=60"),
    "5.2.1.1 max-age=0 of a request": (("Cache-Control: max-age=0",), "Cache-Control: max-age=60"),
    "5.2.1.3 min-fresh that is too much": (("Cache-Control: min-fresh=600",), "Cache-Control: max-age=60"),
    "5.4 Pragma: no-cache": (("Pragma: no-cache",), "Cache-Control: max-age=60"),
    "5.3 Expires in the past": ((), "Expires: Thu, 01 Jan 1970 00:00:00 GMT"),
    "5.3 Expires: 0": ((), "Expires: 0"),
    "RFC 9213 2.2 CDN-Cache-Control that forbids": (
        (),
        "CDN-Cache-Control: no-store\r\nCache-Control: max-age=60",
    ),
    "RFC 9213 2.1 a decimal is no number of seconds": ((), "CDN-Cache-Control: max-age=60.5"),
}


def said(fields: str, status: str = OK) -> bytes:
    return ok(b"body", *fields.split("\r\n"), status=status)


@pytest.mark.parametrize(("asked", "fields"), ONCE.values(), ids=ONCE.keys())
async def test_one_fetch_answers_two(
    site: Origin, shield: Scene, asked: tuple[str, ...], fields: str
) -> None:
    """What may be kept is given again without asking."""
    at = path()
    site.says[at] = said(fields, "301 Moved Permanently" if "Location" in fields else OK)
    await shield.ask(at, *(one for one in asked if not one.startswith("Cache-Control")))
    second = await shield.ask(at, *asked)

    assert (second.body, site.count(at)) == (b"body", 1)
    assert (second.get("cache-status") or "").startswith("sadd; hit")
    assert second.get("age") is not None


@pytest.mark.parametrize(("asked", "fields"), TWICE.values(), ids=TWICE.keys())
async def test_each_asks_the_origin(site: Origin, shield: Scene, asked: tuple[str, ...], fields: str) -> None:
    """What may not be kept, or not be given to this request, is asked for anew."""
    at = path()
    site.says[at] = said(fields)
    await shield.ask(at, *asked)
    before = site.count(at)
    second = await shield.ask(at, *asked)

    assert second.body == b"body"
    assert site.count(at) > before
    assert "hit" not in (second.get("cache-status") or "")


@pytest.mark.parametrize("status", [400, 405, 408, 413, 414, 429, 431, 500, 502, 503, 504, 206])
async def test_3_no_error_of_a_request_s_own_is_kept(site: Origin, shield: Scene, status: int) -> None:
    """Whoever brings about an error with an odd request must not give it to everybody (CPDoS)."""
    at = path()
    site.says[at] = said("Cache-Control: max-age=60", f"{status} Odd")
    assert [(await shield.ask(at)).status for _ in range(2)] == [status] * 2
    assert site.count(at) >= 2


@pytest.mark.parametrize(("negative", "fetches"), [(0, 2), (60, 1)])
async def test_3_there_is_no_such_page(site: Origin, negative: int, fetches: int) -> None:
    """404 is kept for so long as the catalogue allows."""
    at = path()
    site.says[at] = said("Cache-Control: max-age=600", "404 Not Found")
    rules = CacheClass("page", 300, 0, negative_seconds=negative)
    async with shielded(site, rules=rules) as shield:
        for _ in range(2):
            assert (await shield.ask(at)).status == 404
    assert site.count(at) == fetches


async def test_3_1_fields_of_the_hop_are_not_kept(site: Origin, shield: Scene) -> None:
    """Neither the usual ones nor those that Connection names."""
    at = path()
    site.says[at] = said(
        "Cache-Control: max-age=60\r\nConnection: X-Secret\r\nX-Secret: 1\r\nKeep-Alive: a\r\nX-B: 2"
    )
    await shield.ask(at)
    second = await shield.ask(at)

    assert [second.get(name) for name in ("x-secret", "keep-alive", "connection", "x-b")] == [
        None,
        None,
        None,
        "2",
    ]


async def test_3_3_a_broken_off_answer_is_not_kept(site: Origin, shield: Scene) -> None:
    """Half a body is nobody's page."""

    async def half(request: Request, reader: object, writer: object) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhalf")  # type: ignore[attr-defined]
        writer.close()  # type: ignore[attr-defined]

    at = path()
    site.says[at] = half
    assert (await shield.ask(at)).status == 502
    site.says[at] = said("Cache-Control: max-age=60")

    assert (await shield.ask(at)).body == b"body"


async def test_3_4_a_part_is_cut_from_the_whole(site: Origin, shield: Scene) -> None:
    """On a miss the whole is fetched, without Range; parts come from it (RFC 9110 §14)."""
    at = path()
    site.says[at] = ok(b"0123456789", "Cache-Control: max-age=60", 'ETag: "a"')
    first = await shield.ask(at, "Range: bytes=2-4")
    assert (first.status, first.body, first.get("content-range")) == (206, b"234", "bytes 2-4/10")
    assert site.last().get("range") is None

    last = await shield.ask(at, "Range: bytes=-2")
    beyond = await shield.ask(at, "Range: bytes=20-")
    other = await shield.ask(at, "Range: bytes=2-4", 'If-Range: "b"')
    same = await shield.ask(at, "Range: bytes=2-4", 'If-Range: "a"')
    assert (last.body, beyond.status, beyond.get("content-range")) == (b"89", 416, "bytes */10")
    assert (other.status, same.status, site.count(at)) == (200, 206, 1)


async def test_4_1_variants_lie_side_by_side(site: Origin, shield: Scene) -> None:
    """Each value has its own, and the first asker gets his too."""

    async def by_device(request: Request, reader: object, writer: object) -> None:
        body = (request.get("x-device") or "none").encode()
        writer.write(ok(body, "Cache-Control: max-age=60", "Vary: X-Device"))  # type: ignore[attr-defined]

    at = path()
    site.says[at] = by_device
    for _ in range(2):
        for device in ("phone", "desk"):
            assert (await shield.ask(at, f"X-Device: {device}")).body == device.encode()
        assert (await shield.ask(at)).body == b"none"
    # The first one found out by what it varies.
    assert site.count(at) == 4


async def test_4_1_encodings_and_languages_have_few_forms(site: Origin, shield: Scene) -> None:
    """A URL has a handful of variants, and not one for each browser."""
    at = path()
    site.says[at] = said("Cache-Control: max-age=60\r\nVary: Accept-Language, Accept-Encoding")
    for language in ("ar", "ar-QA,ar;q=0.9,en;q=0.8", "AR;q=0.5, fr;q=0.1"):
        for coding in ("gzip, br", "br;q=0.9, gzip;q=0.8, compress"):
            await shield.ask(at, f"Accept-Language: {language}", f"Accept-Encoding: {coding}")

    assert site.count(at) == 2
    assert (site.last().get("accept-language"), site.last().get("accept-encoding")) == ("ar", "br, gzip")


async def test_4_1_a_coded_answer_varies_by_its_coding(site: Origin, shield: Scene) -> None:
    """Also if its origin forgot to say so: who cannot read it does not get it."""

    async def coded(request: Request, reader: object, writer: object) -> None:
        takes = "gzip" in (request.get("accept-encoding") or "")
        more = ("Content-Encoding: gzip",) if takes else ()
        writer.write(ok(b"zip" if takes else b"plain", "Cache-Control: max-age=60", *more))  # type: ignore[attr-defined]

    at = path()
    site.says[at] = coded
    assert (await shield.ask(at, "Accept-Encoding: gzip")).body == b"zip"
    assert (await shield.ask(at)).body == b"plain"


async def test_4_2_2_heuristic_freshness_is_a_switch(site: Origin, shield: Scene) -> None:
    """Off, nothing is kept without a word of the origin; on, a tenth of the time since the last change."""
    at = path()
    site.says[at] = said("Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT")
    for _ in range(2):
        await shield.ask(at)
    off = site.count(at)
    async with shielded(site, rules=replace_rules(heuristic=True)) as guessing:
        for _ in range(2):
            await guessing.ask(at)

    assert (off, site.count(at)) == (2, 3)


async def test_4_2_4_stale_while_it_is_renewed(site: Origin, shield: Scene) -> None:
    """RFC 5861 §3: from the end of freshness; one renews it, and nobody waits."""
    at = path()
    site.says[at] = said("Cache-Control: max-age=60, stale-while-revalidate=600\r\nAge: 100")
    await shield.ask(at)
    site.says[at] = ok(b"new", "Cache-Control: max-age=60")
    stale = await shield.ask(at)
    assert stale.body == b"body"
    assert "ttl=-" in (stale.get("cache-status") or "")

    async def renewed() -> bool:
        return (await shield.ask(at)).body == b"new"

    await eventually(renewed)
    assert site.count(at) == 2


async def test_4_2_4_stale_in_the_place_of_an_error(site: Origin, shield: Scene) -> None:
    """RFC 5861 §4: where the origin allows it, and not longer."""
    allowed, forbidden = path(), path()
    site.says[allowed] = said("Cache-Control: max-age=60, stale-if-error=600\r\nAge: 100")
    site.says[forbidden] = said(
        'Cache-Control: max-age=60, stale-if-error=600, must-revalidate\r\nAge: 100\r\nETag: "a"'
    )
    for at in (allowed, forbidden):
        await shield.ask(at)
        site.says[at] = ok(b"sorry", status="503 Service Unavailable")

    assert (await shield.ask(allowed)).body == b"body"
    assert (await shield.ask(forbidden)).status == 503


async def test_4_3_1_what_is_stale_is_asked_after(site: Origin, shield: Scene) -> None:
    """By the validators that we have, and not by the client's."""
    at = path()
    changed = "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT"
    site.says[at] = said(f'Cache-Control: max-age=60\r\nAge: 100\r\nETag: "a"\r\n{changed}')
    await shield.ask(at)
    site.says[at] = (
        b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nCache-Control: max-age=600\r\nX-New: 1\r\n\r\n'
    )
    second = await shield.ask(at, 'If-None-Match: "mine"')

    assert (site.last().get("if-none-match"), site.last().get("if-modified-since")) == ('"a"', changed[15:])
    assert (second.status, second.body, second.get("x-new")) == (200, b"body", "1")

    async def hit() -> bool:
        """What was merged is kept a moment after it was answered."""
        third = await shield.ask(at)
        assert third.body == b"body"
        return "hit" in (third.get("cache-status") or "")

    assert await eventually(hit)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ('If-None-Match: "a"', 304),
        ('If-None-Match: W/"a"', 304),
        ("If-None-Match: *", 304),
        ('If-None-Match: "b", "a"', 304),
        ('If-None-Match: "b"', 200),
        ("If-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT", 304),
        ("If-Modified-Since: Mon, 01 Jan 2023 00:00:00 GMT", 200),
    ],
)
async def test_4_3_2_conditions_are_judged_here(site: Origin, shield: Scene, asked: str, status: int) -> None:
    """RFC 9110 §13.2.2, from what is kept."""
    at = path()
    site.says[at] = said(
        'Cache-Control: max-age=60\r\nETag: "a"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT'
    )
    await shield.ask(at)
    answer = await shield.ask(at, asked)

    assert (answer.status, answer.get("etag"), site.count(at)) == (status, '"a"', 1)


async def test_4_3_4_a_304_that_is_not_of_ours_is_not_merged(site: Origin, shield: Scene) -> None:
    """Another validator: the page is fetched whole."""
    at = path()
    site.says[at] = said('Cache-Control: max-age=60\r\nAge: 100\r\nETag: "a"')
    await shield.ask(at)

    async def odd(request: Request, reader: object, writer: object) -> None:
        if request.get("if-none-match"):
            writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "other"\r\n\r\n')  # type: ignore[attr-defined]
        else:
            writer.write(ok(b"whole", "Cache-Control: max-age=60"))  # type: ignore[attr-defined]

    site.says[at] = odd
    assert (await shield.ask(at)).body == b"whole"


async def test_4_3_3_an_error_of_validation_is_passed_on(site: Origin, shield: Scene) -> None:
    """5xx without leave to stand in: the client hears it."""
    at = path()
    site.says[at] = said('Cache-Control: max-age=60\r\nAge: 100\r\nETag: "a"')
    await shield.ask(at)
    site.says[at] = ok(b"sorry", status="500 Internal Server Error")

    assert (await shield.ask(at)).status == 500


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_4_4_a_change_ends_what_is_kept(site: Origin, shield: Scene, method: str) -> None:
    """Its own URL, and what Location and Content-Location name on this host."""
    at, other = path(), path()
    for one in (at, other):
        site.says[one] = said("Cache-Control: max-age=60")
        await shield.ask(one)
    site.says[at] = ok(b"done", f"Location: {other}", status="201 Created")
    await shield.ask(at, method=method)
    site.says[at] = said("Cache-Control: max-age=60")
    for one in (at, other):
        before = site.count(one)
        await eventually(partial(_asks_anew, site, shield, one, before))


async def _asks_anew(site: Origin, shield: Scene, at: str, before: int) -> bool:
    await shield.ask(at)
    return site.count(at) > before


async def test_4_4_a_change_that_failed_ends_nothing(site: Origin, shield: Scene) -> None:
    """Nor does one to another host."""
    at = path()
    site.says[at] = said("Cache-Control: max-age=60")
    await shield.ask(at)
    site.says[at] = ok(b"no", status="403 Forbidden")
    await shield.ask(at, method="POST")
    asked = site.count(at)
    second = await shield.ask(at)

    assert (second.body, site.count(at)) == (b"body", asked)


async def test_5_1_age_counts_what_it_was_old_when_it_came(site: Origin, shield: Scene) -> None:
    """What caches before us say is added to our own time."""
    at = path()
    site.says[at] = said("Cache-Control: max-age=60\r\nAge: 30")
    await shield.ask(at)
    answer = await shield.ask(at)

    assert 30 <= int(answer.get("age") or 0) < 60


async def test_5_2_1_7_only_if_cached_of_what_is_not(site: Origin, shield: Scene) -> None:
    """504, and the origin is not asked."""
    at = path()
    assert (await shield.ask(at, "Cache-Control: only-if-cached")).status == 504
    assert site.count(at) == 0


async def test_7_1_a_head_is_answered_from_a_page(site: Origin, shield: Scene) -> None:
    """RFC 9110 §9.3.2: with the page's fields and length, without its body."""
    at = path()
    site.says[at] = said("Cache-Control: max-age=60")
    await shield.ask(at)
    answer = await shield.ask(at, method="HEAD")

    assert (answer.status, answer.get("content-length"), answer.body, site.count(at)) == (200, "4", b"", 1)


async def test_9875_groups_end_together(site: Origin, shield: Scene) -> None:
    """RFC 9875 §2, §3: by the answer to a change, and only to one."""
    one, two, change = path(), path(), path()
    site.says[one] = site.says[two] = said('Cache-Control: max-age=60\r\nCache-Groups: "results"')
    for at in (one, two):
        await shield.ask(at)
    site.says[change] = ok(b"done", 'Cache-Group-Invalidation: "results"')
    await shield.ask(change)
    await shield.ask(one)
    assert site.count(one) == 1

    await shield.ask(change, method="POST")
    for at in (one, two):
        await eventually(partial(_asks_anew, site, shield, at, 1))


async def test_no_vary_search_makes_queries_one(site: Origin, shield: Scene) -> None:
    """Parameters that do not change the answer do not make another page; others do."""
    at = path()
    site.says[at] = said('Cache-Control: max-age=60\r\nNo-Vary-Search: params=("utm_source")')
    await shield.ask(f"{at}?id=1&utm_source=a")
    await shield.ask(f"{at}?id=1&utm_source=b")  # the first that the rule is known for
    same = await shield.ask(f"{at}?utm_source=c&id=1")
    asked = site.count(at)
    await shield.ask(f"{at}?id=2&utm_source=c")

    assert "hit" in (same.get("cache-status") or "")
    assert (asked, site.count(at)) == (2, 3)


def replace_rules(**changes: object) -> CacheClass:
    return msgspec.structs.replace(RULES, **changes)
