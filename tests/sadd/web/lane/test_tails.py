"""Heads of paths whose rest is two parameters: known by their fields, and no trouble for the others."""

import pytest

from sadd.web.answer import json_answer
from sadd.web.endpoint import Call, Endpoint
from sadd.web.lane import table as module
from sadd.web.lane.endpoint import LaneEndpoint
from sadd.web.lane.table import Known, LaneTable
from sadd.web.lane.tails import before_tail
from sadd.web.server import SITE, build
from tests.sadd.web.callers import MOEHE, Keys

FIELDS = b"\r\nHost: x\r\nAuthorization: " + MOEHE["Authorization"].encode() + b"\r\n\r\n"


async def _handle(_: Call) -> object:
    return json_answer({})


def _endpoint(path: str, taken: str = "") -> Endpoint:
    lane = LaneEndpoint(lambda _, done: done(None), lambda _: (b"{}", ""), taken=frozenset({taken}))
    return Endpoint("GET", path, _handle, "Try", "tests", scope="cache:read", lane=lane)  # type: ignore[arg-type]  # never called


@pytest.fixture
async def table() -> LaneTable:
    site = build([_endpoint("/t/{first}/{second:.+}", "taken"), _endpoint("/plain")], keys=Keys())[SITE]
    return LaneTable(site.lane, site.keys, head_bytes_max=4096, fields_max=64)


def read(table: LaneTable, target: str, fields: bytes = FIELDS) -> Known | None:
    return table.read(b"GET " + target.encode() + b" HTTP/1.1" + fields)


def remember(table: LaneTable, target: str) -> None:
    known = read(table, target)
    assert known is not None
    table.remember(known)


async def test_a_line_alone_is_read_as_the_whole_head_is(table: LaneTable) -> None:
    """Once its fields were seen: the same route, parameters, key and length, and the same refusals."""
    targets = [
        "/t/a/b",
        "/t/a/b/c:@,=+!$*()';~",
        "/t/a/taken",
        "/t/a/taken/x",
        "/t/a",
        "/t/a/",
        "/t//b",
        "/plain",
    ]
    targets += [
        "/t/a/..",
        "/t/./b",
        "/t/a/b//c",
        "/t/a/%62",
        "/t/a/b?c",
        "/t/a%/b",
        "/t/a:/b",
        "/T/a/b",
        "/t/a/b#",
    ]
    parsed = [read(table, target) for target in targets]
    remember(table, "/t/seen/before")
    for target, whole in zip(targets, parsed, strict=True):
        known = read(table, target)
        assert (known is None) == (whole is None), target
        if known is not None and whole is not None:
            assert (known.route, known.parameter, known.size) == (whole.route, whole.parameter, whole.size), (
                target
            )
            assert known.head == whole.head


@pytest.mark.parametrize(
    "line",
    [
        "GET  /t/a/b HTTP/1.1",
        "GET /t/a/b HTTP/1.0",
        "GET /t/a/b  HTTP/1.1",
        "PUT /t/a/b HTTP/1.1",
        "GET /t/a/b",
    ],
)
async def test_a_line_that_is_spelled_otherwise_is_none(table: LaneTable, line: str) -> None:
    """Its fields being known makes it no plainer."""
    remember(table, "/t/a/b")
    known = table.read(line.encode() + FIELDS)
    assert known is None or known.route is None


async def test_many_keys_push_out_no_other_head(table: LaneTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """They push out one another; what is asked for again and again is known by its bytes."""
    monkeypatch.setattr(module, "TAIL_HEADS_MAX", 5)
    remember(table, "/plain")
    for number in range(100):
        remember(table, f"/t/a/{number}")
    assert table.remembered(b"GET /plain HTTP/1.1" + FIELDS) is not None
    assert table.remembered(b"GET /t/a/99 HTTP/1.1" + FIELDS) is not None
    assert table.remembered(b"GET /t/a/1 HTTP/1.1" + FIELDS) is None
    assert len(table._remembered) <= 6


async def test_a_key_of_another_is_another_head(table: LaneTable) -> None:
    """Fields are known by all their bytes."""
    remember(table, "/t/a/b")
    other = FIELDS.replace(b"moehe", b"moph_")
    known = read(table, "/t/a/b", other)
    assert known is not None
    assert known.head.authorization == "Bearer sadd_moph__secret"


@pytest.mark.parametrize(
    ("path", "place"),
    [("/v1/c/{a}/{b:.+}", "/v1/c"), ("/v1/{a}/{b}", None), ("/v1/{b:.+}", None), ("/v1/{a}/x/{b:.+}", None)],
)
def test_a_tail_is_two_parameters_at_the_end(path: str, place: str | None) -> None:
    """The last of which takes all."""
    assert before_tail(path) == place
