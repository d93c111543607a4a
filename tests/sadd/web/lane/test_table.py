"""Heads that are remembered: whose, how many, and what that may not change."""

import pytest

from sadd.identity.caller import SCOPES, Caller
from sadd.web.lane.head import END
from sadd.web.lane.table import HEAD_BYTES_MAX, HEADS_MAX, LaneTable
from sadd.web.server import SITE, build
from tests.sadd.web.lane.scene import PATIENT, Engine, endpoints, post, server
from tests.sadd.web.scene import MOEHE, Keys
from tests.sadd.web.served import served


@pytest.fixture
async def table() -> LaneTable:
    site = build(endpoints(Engine()), keys=Keys())[SITE]
    return LaneTable(site.lane, site.keys, head_bytes_max=4096, fields_max=64)


def head(*fields: bytes) -> bytes:
    raw = post(*fields)
    return raw[: raw.index(END) + len(END)]


def remember(table: LaneTable, raw: bytes) -> None:
    known = table.read(raw)
    assert known is not None
    table.remember(known)


async def test_a_remembered_head_reads_as_it_did(table: LaneTable) -> None:
    """The same endpoint, length and key, and the bytes to the request's end."""
    first = table.read(head())
    remember(table, head())
    again = table.remembered(head())
    assert first is not None
    assert again is not None
    assert (again.head, again.route, again.size) == (first.head, first.route, len(post()))


async def test_marks_do_not_keep_a_head_from_being_known(table: LaneTable) -> None:
    """What is remembered is the head without its id and trace; those are the request's own."""
    remember(table, head(b"X-Request-Id: first", b"traceparent: a"))
    known = table.read(head(b"traceparent: b", b"X-Request-Id: <second>"))
    assert known is not None
    assert table.remembered(head()) is not None
    assert known.news == b""
    assert (known.sent_id, known.traceparent) == ("<second>", "b")
    assert known.request_id != "<second>", "not well-formed, so a new one"
    assert known.size == len(post(b"traceparent: b", b"X-Request-Id: <second>"))


async def test_what_is_remembered_is_bounded(table: LaneTable) -> None:
    """In number and in size."""
    for number in range(HEADS_MAX + 5):
        remember(table, head(b"X-Number: %d" % number))
    assert table.remembered(head(b"X-Number: 0")) is None
    assert table.remembered(head(b"X-Number: %d" % HEADS_MAX)) is not None
    large = head(b"X-Large: " + b"x" * HEAD_BYTES_MAX)
    remember(table, large)
    assert table.remembered(large) is None


async def test_strangers_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor can they push out whoever is: a head is kept once its key was right."""
    kept = []
    monkeypatch.setattr(LaneTable, "remember", lambda _, known: kept.append(known.head.authorization))
    async with server(Engine(), PATIENT) as site:
        reader, writer = await site.raw(post(key=b"Bearer sadd_nobody_secret") + post(key=None) + post())
        await reader.readuntil(b'"allowed":true')
        assert kept == [MOEHE["Authorization"]]
        writer.close()


class Revocable(Keys):
    revoked = False

    def authenticate(self, authorization: str | None) -> Caller | None:
        return None if self.revoked else Caller("moehe", "moehe", SCOPES)


async def test_a_revoked_key_is_refused_from_the_next_request_on() -> None:
    """Also on a connection whose head is remembered."""
    keys = Revocable()
    async with served(endpoints(Engine()), keys=keys, limits=PATIENT) as site:
        reader, writer = await site.raw(post() + post())
        await reader.readuntil(b"}")
        await reader.readuntil(b"}")
        keys.revoked = True
        writer.write(post())
        received = await reader.readuntil(b'"request_id":')
        assert received.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
        assert site.connections.counters.lent == 0, "the lane itself refused it"
        writer.close()


async def test_heads_of_strangers_are_remembered_apart(table: LaneTable) -> None:
    """Of public endpoints, so that polls are not parsed anew; they push out nobody's with a key."""
    remember(table, head())
    for number in range(HEADS_MAX + 5):
        raw = b"GET /v1/queues/moehe-results HTTP/1.1\r\nHost: x\r\nX-Number: %d\r\n\r\n" % number
        known = table.read(raw)
        assert known is not None
        table.remember(known, is_public=True)
    assert table.remembered(head()) is not None
    again = table.read(raw)
    assert again is not None
    assert (again.news, again.parameter) == (b"", "moehe-results")
