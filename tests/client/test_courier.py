import time

import pytest

from sadd_client import Forbidden, InvalidRequest, Problem, Unauthenticated, UnknownPath, UnknownPolicy
from sadd_client.retry import ATTEMPTS_MAX
from tests.client.conftest import Open
from tests.client.odd import ALLOWED, Behaviour, answer, close, drip, hang, odd, problem, say
from tests.conftest import free_port
from tests.waiting import eventually_sync

REFUSED_HERE = ("closed", False)


def check(door: Open, url: str, cost: int = 1, **words: object) -> tuple[str, bool]:
    decision = door(url, **words).do(lambda client: client.check("p", "k", cost))
    return decision.decided_by, decision.allowed


def test_a_closed_port_is_tried_again(door: Open) -> None:
    """Nothing was sent, so repeating is safe; then ``on_loss`` decides."""
    opened = door(f"http://127.0.0.1:{free_port()}")
    decision = opened.do(lambda client: client.check("p", "k"))

    assert (decision.decided_by, decision.allowed) == REFUSED_HERE
    assert opened.client.stats().repeats == ATTEMPTS_MAX - 1


@pytest.mark.parametrize("behaviour", [hang, close, drip, say(b"220 mail ready\r\n\r\n"), answer(500)])
def test_a_check_that_may_have_happened_is_not_repeated(door: Open, behaviour: Behaviour) -> None:
    """It would take its units twice. The deadline holds whatever the platform does."""
    with odd(behaviour) as listener:
        began = time.monotonic()
        decided = check(door, listener.url, deadline_seconds=0.3)
        took = time.monotonic() - began

    assert decided == REFUSED_HERE
    assert len(listener.requests) == 1
    assert took < 10


def test_a_look_is_repeated(door: Open) -> None:
    """Cost 0 takes nothing, so asking twice is asking once."""
    with odd(close, answer(200, ALLOWED)) as listener:
        assert check(door, listener.url, cost=0) == ("platform", True)
    assert len(listener.requests) == 2


def test_repeats_are_paid_from_a_budget(door: Open) -> None:
    """In an outage the repeats end: a crowd of clients does not triple its load."""
    with odd(answer(503, None, "Retry-After: 0")) as listener:
        opened = door(listener.url)
        for _ in range(40):
            opened.do(lambda client: client.check("p", "k"))
        stats = opened.client.stats()

    assert stats.repeats <= 10 + 40 * 0.1
    assert len(listener.requests) == 40 + stats.repeats


def test_retry_after_is_waited_for(door: Open) -> None:
    """A platform that says "later" is asked later, and its answer then counts."""
    with odd(answer(503, None, "Retry-After: 1"), answer(200, ALLOWED)) as listener:
        began = time.monotonic()
        assert check(door, listener.url, deadline_seconds=30.0) == ("platform", True)
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize(
    "fields",
    [
        ("Retry-After: 30",),
        ("Date: Tue, 24 Nov 2026 10:00:00 GMT", "Retry-After: Tue, 24 Nov 2026 10:00:30 GMT"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_beyond_the_deadline_pauses_that_call(
    door: Open, status: int, fields: tuple[str, ...]
) -> None:
    """The same policy is not asked before, by seconds or by a date; others are."""
    with odd(answer(status, None, *fields), answer(200, ALLOWED)) as listener:
        opened = door(listener.url)
        first = opened.do(lambda client: client.check("p", "k"))
        second = opened.do(lambda client: client.check("p", "k"))
        assert len(listener.requests) == 1
        other = opened.do(lambda client: client.check("q", "k"))

    assert 29_000 < second.retry_after_ms <= first.retry_after_ms <= 30_000
    assert other.decided_by == "platform"


@pytest.mark.parametrize(
    ("status", "slug", "error"),
    [
        (401, "unauthenticated", Unauthenticated),
        (403, "forbidden", Forbidden),
        (404, "unknown-service", UnknownPolicy),
        (404, "not-found", UnknownPath),
        (422, "invalid-request", InvalidRequest),
        (418, "brewing", Problem),
    ],
)
def test_problems_are_typed(door: Open, status: int, slug: str, error: type[Problem]) -> None:
    """A fault of the call is raised as what it is, with the request id, and not repeated."""
    with odd(problem(status, slug, detail="D", request_id="r1", errors=[{"pointer": "#/cost"}])) as listener:
        with pytest.raises(error) as raised:
            check(door, listener.url)
        details = raised.value.details

    assert (details.status, details.slug, details.request_id) == (status, slug, "r1")
    assert details.errors == ({"pointer": "#/cost"},)
    assert len(listener.requests) == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        answer(200, ["not", "an", "object"]),
        answer(200, {**ALLOWED, "allowed": "yes"}),
        answer(200, {**ALLOWED, "remaining": -1}),
        answer(200, {"allowed": True}),
        answer(302, None, "Location: https://login.example/"),
        answer(404, {"detail": "another framework's"}),
        say(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n<html>log in</html"),
        say(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b" " * 4_100_000),
    ],
)
def test_an_answer_that_is_no_sadds_decides_nothing(door: Open, behaviour: Behaviour) -> None:
    """A proxy's page, a half answer, a wrong type: as if there had been none."""
    with odd(behaviour) as listener:
        assert check(door, listener.url, deadline_seconds=0.5) == REFUSED_HERE


def test_the_breaker_spares_callers_and_finds_the_way_back(door: Open) -> None:
    """After five calls in vain the next are decided at once; when the platform is back it is asked again."""
    with odd(hang) as listener:
        opened = door(listener.url, deadline_seconds=0.05)
        for _ in range(5):
            opened.do(lambda client: client.check("p", "k"))
        asked = len(listener.requests)
        began = time.monotonic()
        for _ in range(20):
            assert opened.do(lambda client: client.check("p", "k")).decided_by == "closed"
        assert time.monotonic() - began < 20 * 0.05 or len(listener.requests) > asked
        assert opened.client.stats().breaker_opened >= 1

        listener.behave(answer(200, ALLOWED))
        eventually_sync(lambda: opened.do(lambda client: client.check("p", "k")).decided_by == "platform")
        assert not opened.client.stats().breaker_open
