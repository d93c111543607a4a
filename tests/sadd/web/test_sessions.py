"""Sessions over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sadd.web.sessions import BODY_BYTES_MAX
from tests.sadd.web.scene import BARE, CLINIC, MOEHE, MOPH, READER, RESULTS, four_services
from tests.sadd.web.served import Served
from tests.stores import stoppable_valkey

SESSIONS = "/v1/sessions"
CURRENT = f"{SESSIONS}/current"


@pytest.fixture
async def server(valkey_url: str) -> AsyncIterator[Served]:
    async with four_services(valkey_url) as server:
        yield server


async def ask(
    server: Served, method: str, path: str, session: str = "", body: Any = None, key: dict[str, str] = MOEHE
) -> tuple[int, Any]:
    headers = {**key, "Sadd-Session": session} if session else key
    async with server.client.request(method, path, json=body, headers=headers) as answer:
        raw = await answer.read()
        return answer.status, await answer.json() if raw else None


async def sign_in(server: Served, subject: str = "citizen", **data: Any) -> str:
    body = {"service": RESULTS, "subject": subject, "data": data}
    status, answer = await ask(server, "POST", SESSIONS, body=body)
    assert status == 201
    return str(answer["session"])


async def test_a_session_is_created_and_read(server: Served) -> None:
    """Its times are the class's; its data are what was put, byte for byte; nobody may keep the answer."""
    session = await sign_in(server, lang="ar", seen=[1, {"a": None}])
    assert len(session) == 54
    async with server.client.get(CURRENT, headers={**READER, "Sadd-Session": session}) as answer:
        body = await answer.json()
        assert answer.headers["Cache-Control"] == "no-store"
    idle_ms, absolute_ms = body.pop("idle_expires_in_ms"), body.pop("expires_in_ms")
    assert len(body.pop("ref")) == 33
    assert body == {
        "service": RESULTS,
        "subject": "citizen",
        "version": 1,
        "data": {"lang": "ar", "seen": [1, {"a": None}]},
        "device": "",
        "place": "",
        "level": 0,
        "level_expires_in_ms": 0,
    }
    assert 895_000 < idle_ms <= 900_000
    assert 28_795_000 < absolute_ms <= 28_800_000


async def test_the_id_may_come_in_a_cookie_and_never_in_a_url(server: Served) -> None:
    """Header before cookie; a query parameter is refused."""
    session = await sign_in(server)
    cookie = {**MOEHE, "Cookie": f"__Host-sadd_session={session}"}
    async with server.client.get(CURRENT, headers=cookie) as answer:
        assert answer.status == 200
    async with server.client.get(CURRENT, headers={**cookie, "Sadd-Session": "A" * 54}) as answer:
        assert answer.status == 404
    async with server.client.get(f"{CURRENT}?session={session}", headers=MOEHE) as answer:
        assert answer.status == 422


@pytest.mark.parametrize("session", ["", "x", "A" * 54, "../x", "%00"])
async def test_an_unknown_session_is_404(server: Served, session: str) -> None:
    """None, malformed and wrong alike, for every call."""
    for method, path, body in (
        ("GET", CURRENT, None),
        ("PATCH", CURRENT, {"version": 1, "data": {}}),
        ("DELETE", CURRENT, None),
        ("POST", f"{CURRENT}/rotate", None),
    ):
        status, problem = await ask(server, method, path, session, body)
        assert status == 404
        assert problem["type"].endswith("/unknown-session")


async def test_an_id_has_one_spelling(server: Served) -> None:
    """The last letter has bits to spare: what a service notes of an id must not have fifteen doubles."""
    session = await sign_in(server)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    known = [c for c in letters if (await ask(server, "GET", CURRENT, session[:-1] + c))[0] == 200]
    assert known == [session[-1]]


async def test_another_agency_does_not_know_it(server: Served) -> None:
    """With its own good key it gets what an invented id gets, and cannot end it."""
    session = await sign_in(server)
    for method, path in (("GET", CURRENT), ("DELETE", CURRENT), ("POST", f"{CURRENT}/rotate")):
        assert (await ask(server, method, path, session, key=MOPH))[0] == 404
    assert (await ask(server, "GET", CURRENT, session))[0] == 200


async def test_a_patch_is_for_the_version_that_was_read(server: Served) -> None:
    """Fields are replaced and removed; an old version is 409 and says which one is there."""
    session = await sign_in(server, lang="ar", step=1)
    status, body = await ask(
        server, "PATCH", CURRENT, session, {"version": 1, "data": {"step": 2, "lang": None}}
    )
    assert (status, body["version"], body["data"]) == (200, 2, {"step": 2})
    status, problem = await ask(server, "PATCH", CURRENT, session, {"version": 1, "data": {}})
    assert (status, problem["version"]) == (409, 2)
    assert problem["type"].endswith("/version-conflict")


async def test_a_rotation_leaves_one_id(server: Served) -> None:
    """The new one reads what the old one did; the old one is unknown."""
    session = await sign_in(server, lang="ar")
    status, body = await ask(server, "POST", f"{CURRENT}/rotate", session)
    assert status == 200
    assert body["session"] != session
    assert (await ask(server, "GET", CURRENT, session))[0] == 404
    assert (await ask(server, "GET", CURRENT, body["session"]))[1]["data"] == {"lang": "ar"}


async def test_a_session_ends_when_told(server: Served) -> None:
    """204, then unknown."""
    session = await sign_in(server)
    assert (await ask(server, "DELETE", CURRENT, session))[0] == 204
    assert (await ask(server, "DELETE", CURRENT, session))[0] == 404


async def test_all_sessions_of_a_subject_end_at_once(server: Served) -> None:
    """Those of the caller's agency; another subject's stay."""
    ended, stays = [await sign_in(server) for _ in range(5)], await sign_in(server, "other")
    for key in (MOPH, MOEHE):
        assert (await ask(server, "GET", CURRENT, ended[0]))[0] == 200
        body = {"subject": "citizen"}
        assert (await ask(server, "POST", f"{SESSIONS}/revoke-all", body=body, key=key))[0] == 204
    assert {(await ask(server, "GET", CURRENT, session))[0] for session in ended} == {404}
    assert (await ask(server, "GET", CURRENT, stays))[0] == 200


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"service": CLINIC, "subject": "c"}, 404, "unknown-service"),
        ({"service": BARE, "subject": "c"}, 422, "no-sessions"),
        ({"service": RESULTS, "subject": ""}, 422, "invalid-request"),
        ({"service": RESULTS, "subject": "م" * 200}, 422, "invalid-request"),
        ({"service": RESULTS, "subject": "c", "data": []}, 422, "invalid-request"),
        ({"service": RESULTS, "subject": "c", "data": {"x": "y" * 16_384}}, 413, "body-too-large"),
    ],
)
async def test_what_cannot_be_created_is_refused(server: Served, body: Any, status: int, slug: str) -> None:
    """With the problem that says why."""
    found, problem = await ask(server, "POST", SESSIONS, body=body)
    assert (found, problem["type"].rpartition("/")[2]) == (status, slug)


async def test_data_that_is_no_utf_8_is_no_json(server: Served) -> None:
    """Values are kept unread, and yet what is given back later can be read."""
    raw = b'{"service": "%s", "subject": "c", "data": {"name": "\xff"}}' % RESULTS.encode()
    headers = {**MOEHE, "Content-Type": "application/json"}
    async with server.client.post(SESSIONS, data=raw, headers=headers) as answer:
        assert answer.status == 400


async def test_a_body_far_above_the_bound_is_not_decoded(server: Served) -> None:
    """The bound of the data is told from the size alone."""
    data = {str(number): number for number in range(50_000)}
    found, problem = await ask(
        server, "POST", SESSIONS, body={"service": RESULTS, "subject": "c", "data": data}
    )
    assert (found, problem["limit_bytes"]) == (413, BODY_BYTES_MAX)


async def test_reading_does_not_allow_writing(server: Served) -> None:
    """A key with sessions:read only may neither create nor end."""
    session = await sign_in(server)
    assert (await ask(server, "DELETE", CURRENT, session, key=READER))[0] == 403
    assert (await ask(server, "POST", SESSIONS, body={"service": RESULTS, "subject": "c"}, key=READER))[
        0
    ] == 403


async def test_reading_tells_of_nobody_else(server: Served) -> None:
    """A key with sessions:read only lists no subject's sessions and hears no revocations: sessions:admin."""
    assert (await ask(server, "POST", f"{SESSIONS}/list", body={"subject": "c"}, key=READER))[0] == 403
    assert (await ask(server, "POST", f"{SESSIONS}/list", body={"subject": "c"}))[0] == 200


async def test_without_a_store_the_session_says_so(tmp_path: Path) -> None:
    """Store killed: 503 with Retry-After for every call; never 404, never anonymous."""
    with stoppable_valkey(tmp_path) as valkey:
        async with four_services(valkey.url, deadline_ms=300) as server:
            session = await sign_in(server)
            valkey.stop()
            for method, path, body in (
                ("POST", SESSIONS, {"service": RESULTS, "subject": "c"}),
                ("GET", CURRENT, None),
                ("PATCH", CURRENT, {"version": 1, "data": {}}),
                ("POST", f"{CURRENT}/rotate", None),
                ("DELETE", CURRENT, None),
                ("POST", f"{SESSIONS}/revoke-all", {"subject": "c"}),
            ):
                headers = {**MOEHE, "Sadd-Session": session}
                async with server.client.request(method, path, json=body, headers=headers) as answer:
                    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
