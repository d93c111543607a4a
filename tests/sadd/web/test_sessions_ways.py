"""Every verb of sessions over HTTP, on both stores."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from sadd.catalogue.model import SessionClass
from sadd.signing import rotate
from tests.sadd.web.callers import MOEHE, MOPH, READER
from tests.sadd.web.scene import BARE, RESULTS, catalogue
from tests.sadd.web.sessions_scene import CURRENT, SESSIONS, SignedIn, signed_in
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_session_says_what_it_is(signed: SignedIn) -> None:
    """Its ref, device and place; the cookie is ready to be sent; its id is nowhere else."""
    made = await signed.sign_in("maryam", device="Firefox", place="Doha", data={"lang": "ar"})
    assert made["set_cookie"].startswith(f"__Host-sadd_session={made['session']}; Path=/; Secure; HttpOnly;")
    status, read = await signed.ask("GET", CURRENT, made["session"])
    assert status == 200
    assert (read["ref"], read["device"], read["place"]) == (made["ref"], "Firefox", "Doha")
    assert "session" not in read
    assert "set_cookie" not in read
    assert made["session"][11:] not in json.dumps(read)


@pytest.mark.parametrize(("method", "path"), [("GET", CURRENT), ("POST", f"{CURRENT}/touch")])
async def test_it_is_read_by_lane_and_by_aiohttp_alike(signed: SignedIn, method: str, path: str) -> None:
    """The same bytes, whichever way a request goes; so with what is unknown and with another agency's."""
    session = (await signed.sign_in("lane", data={"a": [1, None]}))["session"]

    async def both(shown: str, key: dict[str, str] = MOEHE) -> list[tuple[int, Any]]:
        answers = []
        for unusual in ({}, {"TE": "trailers"}):
            headers = {**key, "Sadd-Session": shown, **unusual}
            async with signed.server.client.request(method, path, headers=headers) as answer:
                body = await answer.json()
                answers.append((answer.status, {k: v for k, v in body.items() if not k.endswith("_ms")}))
        return answers

    for shown, key, wanted in (
        (session, MOEHE, 200),
        ("A" * 54, MOEHE, 404),
        ("x", MOEHE, 404),
        (session, MOPH, 404),
    ):
        lane, usual = await both(shown, key)
        assert lane[0] == usual[0] == wanted
        for answer in (lane, usual):
            answer[1].pop("request_id", None)
        assert lane == usual
    assert (await both(session))[0][1]["data"] == {"a": [1, None]}


@pytest.mark.parametrize("unusual", [{}, {"TE": "trailers"}])
async def test_two_cookies_of_one_name_are_no_session(signed: SignedIn, unusual: dict[str, str]) -> None:
    """400, on the lane and beside it: nobody can say which was meant."""
    session = (await signed.sign_in("doubled"))["session"]
    cookie = f"__Host-sadd_session={session}"
    headers = {**MOEHE, **unusual}
    async with signed.server.client.get(CURRENT, headers={**headers, "Cookie": cookie}) as answer:
        assert answer.status == 200
    doubled = {**headers, "Cookie": f"{cookie}; {cookie}"}
    async with signed.server.client.get(CURRENT, headers=doubled) as answer:
        assert answer.status == 400
        assert (await answer.json())["type"].endswith("/invalid-request")


async def test_fields_are_merged_by_the_server(signed: SignedIn) -> None:
    """Without a version nobody's field is lost; with an old one it is 409; PUT replaces all."""
    session = (await signed.sign_in("merge", data={"a": 1, "b": 2}))["session"]
    status, body = await signed.ask("PATCH", CURRENT, session, {"data": {"b": None, "c": 3}})
    assert (status, body["data"], body["version"]) == (200, {"a": 1, "c": 3}, 2)
    assert (await signed.ask("PATCH", CURRENT, session, {"version": 1, "data": {}}))[0] == 409
    assert (await signed.ask("PUT", CURRENT, session, {"version": 1, "data": {}}))[0] == 409
    status, body = await signed.ask("PUT", CURRENT, session, {"version": 2, "data": {"d": 4}})
    assert (status, body["data"], body["version"]) == (200, {"d": 4}, 3)


async def test_a_rotated_id_is_spent(signed: SignedIn) -> None:
    """ASVS 7.2.4: the new one reads what was kept; the old one gets 404 ``spent-session`` for every verb."""
    old = (await signed.sign_in("rotate", data={"a": 1, "b": 2}))["session"]
    status, renewed = await signed.ask("POST", f"{CURRENT}/rotate", old, {"keep": ["a"]})
    assert (status, renewed["data"]) == (200, {"a": 1})
    assert renewed["session"] in renewed["set_cookie"]
    for method, path, body in (
        ("GET", CURRENT, None),
        ("POST", f"{CURRENT}/touch", None),
        ("PATCH", CURRENT, {"data": {}}),
        ("POST", f"{CURRENT}/rotate", None),
        ("POST", f"{CURRENT}/step-up", {"level": 2}),
    ):
        status, problem = await signed.ask(method, path, old, body)
        assert (status, problem["type"].rpartition("/")[2]) == (404, "spent-session")
    assert await signed.lives(renewed["session"])


async def test_a_level_is_raised_for_a_while(signed: SignedIn) -> None:
    """ASVS 7.5.3: under a new id, with its own end; a rotation drops it."""
    session = (await signed.sign_in("step"))["session"]
    status, raised = await signed.ask("POST", f"{CURRENT}/step-up", session, {"level": 2, "seconds": 60})
    assert (status, raised["level"]) == (200, 2)
    assert 50_000 < raised["level_expires_in_ms"] <= 60_000
    assert not await signed.lives(session)
    status, rotated = await signed.ask("POST", f"{CURRENT}/rotate", raised["session"])
    assert (rotated["level"], rotated["level_expires_in_ms"]) == (0, 0)
    assert (await signed.ask("POST", f"{CURRENT}/step-up", rotated["session"], {"level": 0}))[0] == 422


async def test_who_has_a_session_signs_in(signed: SignedIn) -> None:
    """What was named goes along, nothing else; the session before is over."""
    before = (await signed.sign_in("nobody", data={"basket": [1], "draft": "x"}))["session"]
    body = {"service": RESULTS, "subject": "somebody", "keep": ["basket"], "data": {"lang": "ar"}}
    status, after = await signed.ask("POST", f"{CURRENT}/sign-in", before, body)
    assert (status, after["subject"]) == (201, "somebody")
    assert after["data"] == {"basket": [1], "lang": "ar"}
    assert not await signed.lives(before)


async def test_a_person_sees_and_ends_his_own_sessions(signed: SignedIn) -> None:
    """ASVS 7.5.2: with the session shown, his own only; an administrator any of the agency's, another agency
    none."""
    mine = [await signed.sign_in("huda", device=f"device {number}") for number in range(3)]
    other = await signed.sign_in("saad")
    status, body = await signed.ask("GET", SESSIONS, mine[0]["session"], key=READER)
    assert status == 200
    assert {one["ref"] for one in body["sessions"]} == {one["ref"] for one in mine}
    assert [one["device"] for one in body["sessions"] if one["current"]] == ["device 0"]
    assert (await signed.ask("DELETE", f"{SESSIONS}/{other['ref']}", mine[0]["session"]))[0] == 404
    assert (await signed.ask("DELETE", f"{SESSIONS}/{mine[1]['ref']}", mine[0]["session"]))[0] == 204
    assert not await signed.lives(mine[1]["session"])
    status, body = await signed.ask("POST", f"{SESSIONS}/list", body={"subject": "huda"})
    assert len(body["sessions"]) == 2
    assert (await signed.ask("POST", f"{SESSIONS}/list", body={"subject": "huda"}, key=MOPH))[1] == {
        "sessions": []
    }
    assert (await signed.ask("DELETE", f"{SESSIONS}/{mine[2]['ref']}", key=MOPH))[0] == 404
    assert (await signed.ask("DELETE", f"{SESSIONS}/{mine[2]['ref']}"))[0] == 204
    assert not await signed.lives(mine[2]["session"])
    assert await signed.lives(other["session"])


async def test_all_others_end_and_this_one_goes_on(signed: SignedIn) -> None:
    """ASVS 7.4.3, after a change of a factor."""
    here, *others = [(await signed.sign_in("noor"))["session"] for _ in range(4)]
    status, _ = await signed.ask("POST", f"{SESSIONS}/revoke-all", here, {"keep_current": True})
    assert status == 204
    assert await signed.lives(here)
    assert [await signed.lives(one) for one in others] == [False] * 3


async def test_the_browser_is_told_to_forget(signed: SignedIn) -> None:
    """ASVS 14.3.1 and 14.3.2: ``Clear-Site-Data`` with what ends sessions, ``no-store`` with everything."""
    session = (await signed.sign_in("bye"))["session"]
    headers = {**MOEHE, "Sadd-Session": session}
    async with signed.server.client.get(CURRENT, headers=headers) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
    async with signed.server.client.delete(CURRENT, headers=headers) as answer:
        assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
        assert answer.headers["Cache-Control"] == "no-store"


async def test_another_service_reads_only_where_that_is_declared(signed: SignedIn) -> None:
    """Who says for which service he asks is held to it, reading and writing, on the lane and beside it."""
    session = (await signed.sign_in("shared"))["session"]
    for service, status in ((RESULTS, 200), (BARE, 404), ("moph-appointment", 404)):
        for unusual in ({}, {"TE": "trailers"}):
            key = {**MOEHE, **unusual}
            found, _ = await signed.ask("GET", CURRENT, session, key=key, Sadd_Service=service)
            assert found == status, service
    for method, path, body in (
        ("PATCH", CURRENT, {"data": {"x": 1}}),
        ("POST", f"{CURRENT}/rotate", None),
        ("DELETE", CURRENT, None),
    ):
        assert (await signed.ask(method, path, session, body, Sadd_Service=BARE))[0] == 404
    assert (await signed.ask("GET", CURRENT, session))[1]["version"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", SESSIONS, {"service": RESULTS}, 422),
        ("POST", SESSIONS, {"service": RESULTS, "subject": "x", "device": "d" * 200}, 422),
        ("POST", SESSIONS, {"service": RESULTS, "subject": "x", "address": "somewhere"}, 422),
        ("POST", SESSIONS, {"service": RESULTS, "subject": "x", "same_site": "none"}, 422),
        ("POST", SESSIONS, {"service": RESULTS, "subject": "x", "login": {"provider": "p", "sid": "s"}}, 422),
        ("POST", f"{SESSIONS}/revoke-all", {}, 422),
        ("POST", f"{SESSIONS}/revoke-all", {"subject": "x", "keep_current": True}, 422),
        ("POST", f"{SESSIONS}/list", {"subject": ""}, 422),
        ("GET", SESSIONS, None, 404),
        ("DELETE", f"{SESSIONS}/short", None, 404),
        ("DELETE", f"{SESSIONS}/{'A' * 33}", None, 404),
        ("PUT", CURRENT, {"data": {}}, 422),
    ],
)
async def test_bad_input_is_a_problem(
    signed: SignedIn, method: str, path: str, body: Any, status: int
) -> None:
    """And changes nothing."""
    found, problem = await signed.ask(method, path, body=body)
    assert (found, problem["status"]) == (status, status)


async def test_new_keys_sign_nobody_out(signed: SignedIn) -> None:
    """Pepper, seal and the key of logout tokens are rotated while the worker serves: who was signed in stays
    so, who signs in gets the new ones, and the new public key is told."""
    before = await signed.sign_in("rotation", data={"a": 1})
    now, none = datetime.now(UTC), timedelta()
    for purpose in ("session-pepper", "seal", "logout-token"):
        await rotate(signed.pool, purpose, now=now, signs_in=none, keep=timedelta(days=31))

    async def is_known() -> bool:
        _, told = await signed.ask("GET", f"{SESSIONS}/logout/jwks.json")
        return len(told["keys"]) == 2

    await eventually(is_known)
    for unusual in ({}, {"TE": "trailers"}):
        status, read = await signed.ask("GET", CURRENT, before["session"], key={**MOEHE, **unusual})
        assert (status, read["data"]) == (200, {"a": 1})
    after = await signed.sign_in("rotation")
    assert after["ref"][:11] != before["ref"][:11]
    _, listed = await signed.ask("GET", SESSIONS, after["session"])
    assert {one["ref"] for one in listed["sessions"]} == {before["ref"], after["ref"]}
    await signed.ask("POST", f"{SESSIONS}/revoke-all", body={"subject": "rotation"})
    assert [await signed.lives(one["session"]) for one in (before, after)] == [False, False]


async def test_nobody_is_counted_by_network(
    _valkey_server: str,  # noqa: PT019  # emptying it, as ``valkey_url`` does, would sign the module's people out
    migrated_database_url: str,
) -> None:
    """An anonymous class needs no subject, and has a quota by network; who is refused is told until when."""
    known = catalogue()
    strict = SessionClass(
        "strict",
        idle_seconds=600,
        absolute_seconds=3_600,
        profile="anonymous",
        parallel_max=1,
        when_full="refuse",
        network_max=2,
    )
    classes = replace(known.classes, sessions={"strict": strict})
    services = {
        id_: replace(one, protection=replace(one.protection, session="strict"))
        for id_, one in known.services.items()
    }
    changed = replace(known, classes=classes, services=services)
    async with signed_in(_valkey_server, migrated_database_url, changed) as scene:
        body = {"service": RESULTS, "address": "192.0.2.7"}
        status, made = await scene.ask("POST", SESSIONS, body=body)
        assert status == 201
        assert made["subject"].startswith("anonymous-")
        assert (await scene.ask("POST", SESSIONS, body=body))[0] == 201
        for address, wanted in (("192.0.2.200", 429), ("198.51.100.7", 201), ("not one", 422)):
            status, told = await scene.ask("POST", SESSIONS, body={**body, "address": address})
            assert status == wanted, told
        one = {"service": RESULTS, "subject": "strict-one"}
        assert (await scene.ask("POST", SESSIONS, body=one))[0] == 201
        async with scene.server.client.post(SESSIONS, json=one, headers=MOEHE) as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) > 1
            assert (await answer.json())["type"].endswith("/too-many-sessions")
