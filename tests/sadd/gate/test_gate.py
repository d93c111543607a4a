"""Who asks for what, and what the gate says to it."""

import json

import pytest
from multidict import CIMultiDict

from ratelimit.decision import Decision
from sadd.gate.gate import Gate
from sadd.gate.knock import Knock
from sadd.gate.reply import Reply, plain
from sadd.session.record import Session
from sadd.session.sharing import Sharing
from tests.sadd.gate.scene import (
    ADMITTED,
    BANNED,
    CLOSED,
    OPEN,
    POLICY,
    REFUSED,
    OneSession,
    ScriptedDesk,
    gate,
    knock,
)


async def test_admitted() -> None:
    """200, with the fields for the visitor and nobody's name for the origin."""
    said = await gate(ScriptedDesk()).decide(knock())
    assert said == Reply(
        200,
        {
            "X-Sadd-Subject": "",
            "RateLimit-Policy": '"moehe-results";q=60;w=60',
            "RateLimit": '"moehe-results";r=12;t=3',
        },
    )


@pytest.mark.parametrize(
    ("decision", "status", "slug", "retry"),
    [
        (REFUSED, 429, "quota-exceeded", "2"),
        (BANNED, 429, "quota-exceeded", None),
        (CLOSED, 503, "store-unavailable", "1"),
    ],
)
async def test_refused(decision: Decision, status: int, slug: str, retry: str | None) -> None:
    """The status says whose fault it is, and Retry-After is there when waiting helps."""
    said = await gate(ScriptedDesk(decision)).decide(knock())
    assert said.problem is not None
    assert (said.status, said.problem.slug) == (status, slug)
    assert said.fields.get("Retry-After") == retry
    assert said.fields["X-Sadd-Subject"] == ""


async def test_open_while_the_store_is_away() -> None:
    """An open policy lets the request through, without numbers that nobody knows."""
    said = await gate(ScriptedDesk(OPEN)).decide(knock())
    assert said.status == 200
    assert "RateLimit" not in said.fields


@pytest.mark.parametrize("decision", [REFUSED, CLOSED])
@pytest.mark.parametrize(("wanted", "status"), [("403", 403), ("429", 429)])
async def test_a_proxy_that_passes_on_one_status(decision: Decision, wanted: str, status: int) -> None:
    """It is told that one for every refusal; the body and Retry-After stay."""
    said = await gate(ScriptedDesk(decision)).decide(knock(headers={"X-Sadd-Refusal": wanted}))
    assert said.problem is not None
    assert said.status == said.problem.status == status
    assert "Retry-After" in said.fields


async def test_no_status_makes_a_refusal_pass() -> None:
    """A visitor whose own field gets through cannot be admitted by it."""
    said = await gate(ScriptedDesk(REFUSED)).decide(knock(headers={"X-Sadd-Refusal": "200"}))
    assert said.status == 429


async def test_accel() -> None:
    """nginx is told where the request goes on; only when it goes on, and only if it asked to be."""
    asking = knock(headers={"X-Accel": "1"})
    assert (await gate(ScriptedDesk()).decide(asking)).fields["X-Accel-Redirect"] == "@origin"
    assert "X-Accel-Redirect" not in (await gate(ScriptedDesk(REFUSED)).decide(asking)).fields
    assert "X-Accel-Redirect" not in (await gate(ScriptedDesk()).decide(knock())).fields


async def test_what_the_desk_is_asked() -> None:
    """The visitor's prefix, the page in its plain spelling, and any header field by name."""
    desk = ScriptedDesk()
    told = {"X-Forwarded-For": "2001:db8:1:2:3:4:5:6", "X-Original-URI": "//results/?id=7", "X-Device": "d1"}
    await gate(desk).decide(knock(headers=told))
    (asked,) = desk.asked
    assert (asked.service, asked.route, asked.key) == (POLICY.id, "/results/", "2001:db8:1:2::")
    assert dict(asked.descriptors) == {"ip": "2001:db8:1:2:3:4:5:6"}
    assert asked.descriptors.get("header:x-device") == "d1"
    assert asked.descriptors.get("header:x-other") is None


async def test_a_field_that_is_there_twice() -> None:
    """All of it is what a rule looks at, as with Envoy: no value hides behind another one."""
    desk = ScriptedDesk()
    twice = CIMultiDict([("X-Device", "d1"), ("X-Device", "blocked")])
    await gate(desk).decide(Knock(POLICY.id, "10.0.0.1", twice))
    assert desk.asked[0].descriptors.get("header:x-device") == "d1,blocked"


async def test_names_that_a_proxy_vouches_for() -> None:
    """A proxy that signs citizens in may name them, and the app."""
    desk = ScriptedDesk()
    own = gate(desk, subject_header="X-Citizen", app_header="X-App")
    said = await own.decide(knock(headers={"X-Citizen": "28012345678", "X-App": "metrash"}))
    assert said.fields["X-Sadd-Subject"] == "28012345678"
    assert dict(desk.asked[0].descriptors) == {
        "ip": "203.0.113.7",
        "citizen": "28012345678",
        "app": "metrash",
    }


async def test_two_names_are_none() -> None:
    """Beside the proxy's own field there is another one, which can only be the visitor's."""
    desk = ScriptedDesk()
    own = gate(desk, subject_header="X-Citizen", app_header="X-App")
    for field in ("X-Citizen", "X-App"):
        twice = CIMultiDict([(field, "minister"), (field, "28012345678")])
        said = await own.decide(Knock(POLICY.id, "10.0.0.1", twice))
        assert said.problem is not None
        assert (said.status, said.problem.slug) == (400, "contradictory-request")
    assert desk.asked == []


async def test_nobody_names_the_subject_unasked() -> None:
    """Without the setting, a field of that name is a visitor's word, also that of our own answer."""
    desk = ScriptedDesk()
    forged = {"X-Citizen": "1", "X-Sadd-Subject": "minister", "X-App": "1"}
    said = await gate(desk).decide(knock(headers=forged))
    assert said.fields["X-Sadd-Subject"] == ""
    assert dict(desk.asked[0].descriptors) == {"ip": "203.0.113.7"}


SHOWN = [
    {"Sadd-Session": "s-7"},
    {"Cookie": "a=b; sadd_session=s-7"},
    {"Cookie": "sadd_session=old; __Host-sadd_session=s-7;c"},
]


@pytest.mark.parametrize("headers", SHOWN)
async def test_a_session_says_who_it_is(headers: dict[str, str]) -> None:
    """The subject of a living session goes to the origin, and its limit is the citizen's."""
    desk = ScriptedDesk()
    said = await gate(desk).decide(knock(headers=headers))
    assert said.fields["X-Sadd-Subject"] == "28012345678"
    assert desk.asked[0].caller() == "28012345678"


async def test_a_session_that_is_none() -> None:
    """It is as if none had been shown; and a service without sessions does not look."""
    desk, sessions = ScriptedDesk(), OneSession()
    said = await gate(desk).decide(knock(headers={"Sadd-Session": "s-8"}))
    assert (said.status, said.fields["X-Sadd-Subject"]) == (200, "")
    sessions.away = True
    assert (await gate(desk, sessions).decide(knock("moehe-bare", headers=SHOWN[0]))).status == 200


async def test_a_session_of_another_service() -> None:
    """It says nothing here: its service's class does not share."""
    sessions = OneSession()
    sessions.service = "moehe-bare"
    said = await gate(ScriptedDesk(), sessions).decide(knock(headers=SHOWN[0]))
    assert (said.status, said.fields["X-Sadd-Subject"]) == (200, "")


async def test_nobody_is_anonymous_for_our_fault() -> None:
    """With the sessions away, who shows one is asked to come again."""
    desk, sessions = ScriptedDesk(), OneSession()
    sessions.away = True
    own = gate(desk, sessions)
    said = await own.decide(knock(headers=SHOWN[0]))
    assert (said.status, said.fields["Retry-After"]) == (503, "1")
    assert desk.asked == []
    assert (await own.decide(knock())).status == 200


async def test_whoever_waits_gets_an_answer() -> None:
    """A fault of ours while the session is looked up is a 500, and counted."""

    class Faulty(OneSession):
        async def touch(self, agency: str, session_id: str, *, sharing: Sharing | None = None) -> Session:
            raise RuntimeError

    own = gate(ScriptedDesk(), Faulty())
    said = await own.decide(knock(headers=SHOWN[0]))
    assert (said.status, said.fields["X-Sadd-Subject"], own.stats().replies["fault"]) == (500, "", 1)


@pytest.mark.parametrize(
    ("asked", "status", "outcome"),
    [
        (knock("nobodys"), 404, "unknown_service"),
        (knock(peer="203.0.113.7"), 403, "foreign_proxy"),
        (knock(peer=""), 403, "foreign_proxy"),
        (knock(headers={"X-Original-URI": "/a", "X-Forwarded-Uri": "/b"}), 400, "contradiction"),
        (knock(headers={"X-Citizen": "x" * 513}), 400, "misfit"),
    ],
)
async def test_calls_that_are_wrong(asked: object, status: int, outcome: str) -> None:
    """They are refused, by no status that a proxy takes for a gate that is away, and counted."""
    own = gate(ScriptedDesk(), subject_header="X-Citizen")
    said = await own.decide(asked)  # type: ignore[arg-type]  # parametrised knocks
    assert (said.status, said.fields["X-Sadd-Subject"]) == (status, "")
    assert own.stats().replies[outcome] == 1
    assert "nobodys" not in json.dumps(own.stats().replies)


async def test_stats_count_replies() -> None:
    """Each reply is counted once, by what it was."""
    desk = ScriptedDesk()
    own: Gate = gate(desk)
    for desk.says in (ADMITTED, OPEN, REFUSED, CLOSED):
        await own.decide(knock())
    replies = own.stats().replies
    assert (replies["admitted"], replies["refused"], replies["store_away"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("subject", "field"),
    [
        ("28012345678", "28012345678"),
        ("a@b.qa, c", "a@b.qa, c"),
        ("100%", "100%25"),
        ("نورة", "%D9%86%D9%88%D8%B1%D8%A9"),
        ("a\r\nX-Admin: 1", "a%0D%0AX-Admin: 1"),
    ],
)
def test_a_subject_is_one_field(subject: str, field: str) -> None:
    """What a field cannot carry is percent-encoded, so no subject can begin another field."""
    assert plain(subject) == field
