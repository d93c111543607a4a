"""What is answered at once is what would be answered at leisure."""

import pytest

from sadd.shield.quick import without_cookie
from tests.shield.gatekeepers import SHOWN
from tests.shield.origin import Origin, ok
from tests.shield.scene import NAME, Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")

FRESH = "Cache-Control: max-age=60"
ASKED = [
    (),
    ("Cookie: a=b",),
    (f"Cookie: __Host-sadd_session={SHOWN}",),
    ("Range: bytes=1-2",),
    ('If-None-Match: "a"',),
    ("Accept-Encoding: gzip, br",),
    ("Cache-Control: max-age=100",),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("more", ASKED)
async def test_the_second_is_as_the_first(
    site: Origin, shield: Scene, more: tuple[str, ...], method: str
) -> None:
    """By memory, by what was made for the same bytes, with and without cookies."""
    site.says["/public"] = ok(b"0123", FRESH, 'ETag: "a"')
    await shield.ask("/public/a")
    answers = [await shield.ask("/public/a", *more, method=method) for _ in range(3)]
    first = answers[0]

    assert {one.status for one in answers} == {first.status}
    assert {one.body for one in answers} == {first.body}
    kept = [[field for field in one.fields if field[0] not in ("age", "cache-status")] for one in answers]
    assert kept == [kept[0]] * 3
    assert site.count("/public/a") == 1


async def test_a_purge_is_heard_by_what_was_made(site: Origin, shield: Scene) -> None:
    """An answer that was made before a change is not given after it."""
    site.says["/public"] = ok(b"old", FRESH)
    for _ in range(3):
        await shield.ask("/public/b")
    await shield.ask("/public/b", method="POST")
    site.says["/public"] = ok(b"new", FRESH)
    await shield.forget()

    assert (await shield.ask("/public/b")).body == b"new"


async def test_many_requests_at_once_are_answered_in_order(site: Origin, shield: Scene) -> None:
    """RFC 9112 §9.3.2: hits and misses between each other."""
    site.says["/public"] = ok(b"kept", FRESH)
    await shield.ask("/public/c")
    one = f"GET /public/c HTTP/1.1\r\nHost: {NAME}\r\n\r\n"
    other = f"GET /other HTTP/1.1\r\nHost: {NAME}\r\n\r\n"
    site.says["/other"] = ok(b"other", "Cache-Control: no-store")
    last = one.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    said = await shield.exchange((one * 500 + other + one * 500 + last).encode())

    assert said.count(b"\r\n\r\nkept") == 1001
    assert said.find(b"other") > said.find(b"kept")
    assert said.endswith(b"kept")


async def test_only_a_sound_cookie_is_read_over() -> None:
    """A bare line end in it would hide a field that another reader sees."""
    head = b"GET / HTTP/1.1\r\nHost: a\r\n%bX: 1\r\n\r\n"
    assert without_cookie(head % b"Cookie: a=b; c=d\r\n") == head % b""
    assert without_cookie(head % b"cookie: a=b\r\n") == head % b""
    for bad in (b"Cookie: a\nContent-Length: 5\r\n", b"Cookie: a\0\r\n", b"Cookie: a\rb\r\n", b""):
        assert without_cookie(head % bad) is None
