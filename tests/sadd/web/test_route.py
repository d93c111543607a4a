"""What happens between a parsed request and its handler."""

import json
from typing import Annotated, Any

import aiohttp
import msgspec
import pytest
import structlog
from aiohttp import web
from structlog.testing import capture_logs

from sadd.settings import Server
from sadd.telemetry.context import current_request
from sadd.web.answer import json_answer
from sadd.web.endpoint import Call
from sadd.web.problem import TYPE_BASE, Problem
from sadd.web.route import LINES_PER_SECOND_MAX
from tests.sadd.web.served import CHECKER, LOCAL, POWERLESS, endpoint, served
from tests.waiting import eventually


class Line(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    cost: Annotated[int, msgspec.Meta(ge=1)] = 1


class Lines(msgspec.Struct, forbid_unknown_fields=True):
    lines: list[Line]
    anything: Any = None


class Filter(msgspec.Struct):
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    new: bool = False
    tag: tuple[str, ...] = ()


async def echo(call: Call) -> web.StreamResponse:
    agency = call.caller.agency if call.caller else None
    return json_answer({"body": call.body, "query": call.query, "agency": agency})


async def raw(call: Call) -> web.StreamResponse:
    assert await call.request.read() == call.body
    return web.Response(body=call.body)


async def boom(call: Call) -> web.StreamResponse:
    raise RuntimeError("postgresql://sadd:hunter2@db/sadd")


PROTECTED = endpoint(echo, method="POST", body=Lines, scope="limits:check")
OPEN = endpoint(echo, query=Filter)
BYTES = endpoint(raw, method="PUT", path="/bytes/{key:.+}", raw_body=True)
SMALL = Server(port=0, max_body_bytes=1024, first_byte_timeout_seconds=0.3)


def put(*headers: str, body: bytes = b"") -> bytes:
    """A raw request to the bytes endpoint."""
    lines = ["PUT /bytes/k HTTP/1.1", "Host: x", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def problem(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The problem in the answer, after checking that it is well-formed."""
    assert response.content_type == "application/problem+json"
    members: dict[str, Any] = json.loads(await response.text())
    assert members["status"] == response.status
    assert members["request_id"] == response.headers["X-Request-Id"]
    assert members["type"].startswith(TYPE_BASE)
    return members


async def test_missing_unknown_and_wrong_keys_are_answered_alike() -> None:
    """Nobody learns from a 401 whether a key exists."""
    async with served([PROTECTED]) as site:
        answers = []
        for authorization in (None, "Bearer sadd_nobody_x", "Bearer sadd_checker_wrong", "Basic eA==", "x"):
            headers = {"Authorization": authorization} if authorization else {}
            async with site.client.post("/try", json={"lines": []}, headers=headers) as response:
                assert response.headers["WWW-Authenticate"] == 'Bearer realm="sadd"'
                members = await problem(response)
                del members["request_id"]
                answers.append((response.status, members))

        assert answers == [answers[0]] * 5
        assert answers[0][0] == 401


async def test_a_key_without_the_scope_is_forbidden() -> None:
    """The right key with too little right gets 403 and the scope's name, before its body is looked at."""
    async with (
        served([PROTECTED]) as site,
        site.client.post("/try", data=b"{", headers=POWERLESS) as response,
    ):
        assert (response.status, (await problem(response))["scope"]) == (403, "limits:check")


async def test_the_handler_knows_the_caller() -> None:
    """With the scope, body and agency reach the handler."""
    async with (
        served([PROTECTED]) as site,
        site.client.post("/try", json={"lines": [{"key": "a"}]}, headers=CHECKER) as response,
    ):
        assert (await response.json())["agency"] == "moe"


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("Bearer of.somebody.else", 200), ("Basic eDp5", 200), ("Bearer sadd_nobody_x", 401)],
)
async def test_a_public_endpoint_ignores_what_is_no_key_of_ours(authorization: str, status: int) -> None:
    """A browser's other credentials do no harm; a wrong key of ours is a mistake that is told."""
    async with (
        served([OPEN]) as site,
        site.client.get("/try", headers={"Authorization": authorization}) as response,
    ):
        assert response.status == status


@pytest.mark.parametrize(
    ("sent", "status", "place"),
    [
        (b'{"lines": [{"key": "a"}, {"key": "b", "cost": 0}]}', 422, "#/lines/1/cost"),
        (b'{"lines": [{}]}', 422, "#/lines/0/key"),
        (b'{"lines": [{"key": "a", "x/y": 1}]}', 422, "#/lines/0/x~1y"),
        (b'{"lines": [], "more": 1}', 422, "#/more"),
        (b'{"lines": [{"key": 1}]}', 422, "#/lines/0/key"),
        (b'{"lines": [{"key": "a", "cost": 1.0}]}', 422, "#/lines/0/cost"),
        (b"[]", 422, "#"),
        (b'{"lines": [', 400, None),
        (b"", 400, None),
        (b'{"lines": [{"key": "\xff"}]}', 400, None),
        (b'{"lines": [], "anything": ' + b"[" * 100_000, 400, None),
    ],
)
async def test_a_bad_body_is_refused_with_its_place(sent: bytes, status: int, place: str | None) -> None:
    """What is no JSON is 400; what breaks a rule is 422 and names the field."""
    headers = {**CHECKER, "Content-Type": "application/json"}
    async with served([PROTECTED]) as site, site.client.post("/try", data=sent, headers=headers) as response:
        members = await problem(response)

        assert members["type"] == TYPE_BASE + "invalid-request"
        assert response.status == status
        assert [error["pointer"] for error in members.get("errors", [])] == ([place] if place else [])


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_only_plain_json_is_taken(headers: dict[str, str]) -> None:
    """Another media type or an encoding is 415, never guessed."""
    async with (
        served([PROTECTED]) as site,
        site.client.post("/try", data=b'{"lines":[]}', headers={**CHECKER, **headers}) as response,
    ):
        assert (response.status, (await problem(response))["type"]) == (
            415,
            TYPE_BASE + "unsupported-media-type",
        )


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=UTF-8"])
async def test_json_may_say_its_charset(media_type: str) -> None:
    """The usual spellings of JSON pass."""
    headers = {**CHECKER, "Content-Type": media_type}
    async with (
        served([PROTECTED]) as site,
        site.client.post("/try", data=b'{"lines":[]}', headers=headers) as response,
    ):
        assert response.status == 200


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("new=maybe", "new"),
        ("limit=1&limit=2", "limit"),
        ("colour=red", "colour"),
    ],
)
async def test_a_bad_query_is_refused_with_its_parameter(query: str, parameter: str) -> None:
    """Out of bounds, not convertible, repeated, unknown: each is 422 and named."""
    async with served([OPEN]) as site, site.client.get(f"/try?{query}") as response:
        members = await problem(response)

        assert (response.status, members["errors"][0]["parameter"]) == (422, parameter)


async def test_query_strings_are_converted() -> None:
    """Numbers and booleans come as such, a sequence takes its parameter as often as it is given."""
    async with served([OPEN]) as site, site.client.get("/try?limit=7&new=true&tag=a&tag=ب") as response:
        assert (await response.json())["query"] == {"limit": 7, "new": True, "tag": ["a", "ب"]}


async def test_an_endpoint_without_a_query_takes_none() -> None:
    """A parameter that nobody reads is refused as well."""
    async with served([endpoint(echo)]) as site, site.client.get("/try?x=1") as response:
        assert (await problem(response))["errors"][0]["parameter"] == "x"


async def test_unknown_path_and_wrong_method() -> None:
    """404 for no path; 405 names the methods of all endpoints on the path."""
    async with served([OPEN, PROTECTED]) as site:
        async with site.client.get("/nothing") as response:
            assert (await problem(response))["type"] == TYPE_BASE + "not-found"
        async with site.client.delete("/try") as response:
            assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, POST")


async def test_head_is_answered_like_get() -> None:
    """HEAD has the headers of GET and no body."""
    async with served([OPEN]) as site, site.client.head("/try") as response:
        assert (response.status, await response.read()) == (200, b"")
        assert int(response.headers["Content-Length"]) > 0


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_is_refused(chunked: bool) -> None:
    """413 with the limit, whether the size is announced or not."""

    async def parts() -> Any:
        for _ in range(4):
            yield b"x" * 512

    data: Any = parts() if chunked else b"x" * 1025
    async with served([BYTES], limits=SMALL) as site, site.client.put("/bytes/k", data=data) as response:
        members = await problem(response)

        assert (response.status, members["limit_bytes"]) == (413, 1024)


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_endpoint_may_take_less_than_the_server(chunked: bool) -> None:
    """Decoding holds up the whole worker: an endpoint with small bodies says so, and large ones end there."""

    async def part() -> Any:
        yield b"x" * 129

    narrow = endpoint(raw, method="PUT", raw_body=True, body_bytes_max=128)
    data: Any = part() if chunked else b"x" * 129
    async with served([narrow], limits=SMALL) as site:
        async with site.client.put("/try", data=data) as response:
            assert (response.status, (await problem(response))["limit_bytes"]) == (413, 128)
        async with site.client.put("/try", data=b"x" * 128) as response:
            assert response.status == 200


async def test_a_body_of_the_limit_is_taken_as_bytes() -> None:
    """A raw body arrives whole, to the last allowed byte, not decompressed."""
    async with served([BYTES], limits=SMALL) as site:
        headers = {"Content-Encoding": "gzip"}
        async with site.client.put("/bytes/a/b", data=b"\xff" * 1024, headers=headers) as response:
            assert await response.read() == b"\xff" * 1024


async def test_a_body_that_drips_is_refused_in_time() -> None:
    """Half a body and silence: 408, then the connection ends."""
    async with served([BYTES], limits=SMALL) as site:
        answer = await site.exchange(put("Content-Length: 10", body=b"12345"))

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"problems/request-timeout" in answer


async def test_a_body_with_broken_chunks_is_refused() -> None:
    """A chunk size that is none is the client's fault: told at once, or when the body is overdue."""
    head = put("Transfer-Encoding: chunked")
    with capture_logs() as lines:
        async with served([BYTES], limits=SMALL) as site:
            at_once = await site.exchange(head + b"zz\r\n")

            reader, writer = await site.raw(head + b"1\r\nx\r\n")
            await eventually(lambda: site.traffic.in_flight == 1)
            writer.write(b"zz\r\n")
            later = await reader.read()
            writer.close()

        assert b" 400 Bad Request\r\n" in at_once
        assert b"application/problem+json" in at_once
        assert b" 408 Request Timeout\r\n" in later
    assert lines == []


async def test_expect_100_is_answered_only_for_a_body_that_would_be_taken() -> None:
    """The large body is refused unsent and the connection ends; the small one is asked for."""
    async with served([BYTES], limits=SMALL) as site:
        refusal = await site.exchange(put("Expect: 100-continue", "Content-Length: 5000"))
        assert refusal.startswith(b"HTTP/1.1 413 ")
        assert b"Connection: close" in refusal

        reader, writer = await site.raw(put("Expect: 100-continue", "Content-Length: 3", "Connection: close"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await reader.read()).endswith(b"\r\n\r\nabc")
        writer.close()


async def test_a_fault_of_ours_shows_nothing_and_is_logged_once() -> None:
    """500 without a word of the exception; one log line with the exception and the route."""
    with capture_logs() as lines:
        async with served([endpoint(boom)]) as site, site.client.get("/try") as response:
            text = await response.text()

            assert (await problem(response))["type"] == TYPE_BASE + "internal-error"
            assert "hunter2" not in text
            assert "RuntimeError" not in text

    (line,) = lines
    assert (line["log_level"], line["route"], line["status"]) == ("error", "/try", 500)
    assert isinstance(line["exc_info"], RuntimeError)


async def test_a_problem_of_the_handler_is_the_answer() -> None:
    """Status, headers and members are as the handler raised them."""

    async def refuse(call: Call) -> web.StreamResponse:
        raise Problem(
            503, "store-away", "Away.", extra={"store": "valkey"}, headers={"Retry-After": "1"}
        ) from None

    with capture_logs() as lines:
        async with served([endpoint(refuse)]) as site, site.client.get("/try") as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            assert (await problem(response))["store"] == "valkey"
    assert [line["log_level"] for line in lines] == ["warning"]


async def test_a_storm_of_failures_does_not_flood_the_log() -> None:
    """Past the budget of a second nothing is logged; the count is in the next line."""

    async def refuse(call: Call) -> web.StreamResponse:
        raise Problem(503, "store-away", "Away.")

    with capture_logs() as lines:
        async with served([endpoint(refuse)]) as site:
            for _ in range(LINES_PER_SECOND_MAX * 3):
                await (await site.client.get("/try")).read()
    assert len(lines) <= LINES_PER_SECOND_MAX * 2  # the storm may span two seconds


async def test_writes_of_administrators_are_logged() -> None:
    """A call under an administrator's scope is logged though it went well; others are not."""
    edit = endpoint(echo, path="/edit", method="POST", scope="catalogue:write")
    with capture_logs() as lines:
        async with served([edit, OPEN]) as site:
            await (await site.client.post("/edit", headers=CHECKER)).read()
            await (await site.client.get("/try")).read()
    assert [(line["route"], line["status"]) for line in lines] == [("/edit", 200)]


async def test_strangers_do_not_flood_the_log_of_administrators() -> None:
    """Only whoever holds a right key is logged always: anyone can call where administrators do."""
    edit = endpoint(echo, path="/edit", method="POST", scope="catalogue:write")
    with capture_logs() as lines:
        async with served([edit]) as site:
            for headers in ({}, POWERLESS) * LINES_PER_SECOND_MAX * 2:
                await (await site.client.post("/edit", headers=headers)).read()
    assert 0 < len(lines) <= LINES_PER_SECOND_MAX * 2  # they may span two seconds


async def test_request_id_is_continued_or_made() -> None:
    """A well-formed id comes back; another is replaced."""
    async with served([OPEN]) as site:
        for sent, kept in (("abc-123", True), ("with space", False), ("x" * 129, False)):
            async with site.client.get("/try", headers={"X-Request-Id": sent}) as response:
                assert (response.headers["X-Request-Id"] == sent) is kept


async def test_a_trace_is_continued_in_the_answer() -> None:
    """The caller's trace id comes back with a span of ours; without a trace nothing is said."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with served([OPEN]) as site:
        headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        async with site.client.get("/try", headers=headers) as response:
            assert response.headers["traceresponse"].startswith(f"00-{trace}-")
            assert "b7ad6b7169203331" not in response.headers["traceresponse"]
        async with site.client.get("/try") as response:
            assert "traceresponse" not in response.headers


async def test_every_answer_carries_the_protective_headers() -> None:
    """Also errors do; no header names a version of what we run on."""
    async with served([OPEN, endpoint(boom, path="/boom")]) as site:
        for path in ("/try", "/nothing", "/boom", "/try?x=1", "/docs"):
            async with site.client.get(path) as response:
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Server"] == "sadd"
                assert "default-src 'none'" in response.headers["Content-Security-Policy"]
                assert "aiohttp" not in str(response.headers)


async def test_the_handler_may_allow_caching() -> None:
    """``no-store`` stands only where the handler says nothing."""

    async def cacheable(call: Call) -> web.StreamResponse:
        return json_answer({}, headers={"Cache-Control": "public, max-age=1"})

    async with served([endpoint(cacheable, path="/cached"), OPEN]) as site:
        async with site.client.get("/cached") as response:
            assert response.headers["Cache-Control"] == "public, max-age=1"
        async with site.client.get("/try") as response:
            assert response.headers["Cache-Control"] == "no-store"


async def test_requests_are_counted_by_template() -> None:
    """The label is the path's template, so that keys in paths make no series; unknown paths are one."""
    async with served([BYTES]) as site:
        for key in ("a", "b", "c/d"):
            await (await site.client.put(f"/bytes/{key}", data=b"x")).read()
        await (await site.client.get("/x")).read()
        await (await site.client.get("/y")).read()
        counted = {route.path: sum(route.by_class) for route in site.traffic.routes}

        assert counted["/bytes/{key}"] == 3
        assert counted["(unmatched)"] == 2
        assert site.traffic.in_flight == 0


async def test_a_client_that_leaves_is_no_failure() -> None:
    """A connection cut in the middle of a body is not logged as our fault."""
    with capture_logs() as lines:
        async with served([BYTES]) as site:
            _, writer = await site.raw(put("Content-Length: 10", body=b"12345"))
            await eventually(lambda: site.traffic.in_flight == 1)
            writer.close()
            await eventually(lambda: site.traffic.in_flight == 0)
    assert lines == []


async def test_log_lines_of_a_handler_know_the_request() -> None:
    """What a handler logs bears the request's id without being told it."""
    seen: list[str] = []

    async def log(call: Call) -> web.StreamResponse:
        request = current_request()
        assert request is not None
        seen.append(request.request_id)
        structlog.get_logger().debug("seen")
        return web.Response()

    async with (
        served([endpoint(log)], limits=LOCAL) as site,
        site.client.get("/try", headers={"X-Request-Id": "me"}),
    ):
        assert seen == ["me"]


async def test_what_is_not_there_is_not_there_whatever_is_asked() -> None:
    """A query does not hide that a path, or a method of it, does not exist."""
    async with served([endpoint(echo, query=Filter)]) as site:
        async with site.client.get("/nothing?limit=1") as unknown:
            assert unknown.status == 404
        async with site.client.request("TRACE", "/try?limit=1") as refused:
            assert refused.status == 405
            assert refused.headers["Allow"] == "GET, HEAD"
