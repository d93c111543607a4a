"""Both clients before a real platform."""

import time

import pytest

from sadd_client import (
    Check,
    IncompatiblePlatform,
    InvalidRequest,
    PlatformAway,
    Unauthenticated,
    UnknownPolicy,
)
from tests.client.catalogue import COPIES_A_DAY, DEEP, NARROW
from tests.client.conftest import Open
from tests.client.doors import KEY
from tests.client.odd import answer, hang, odd
from tests.e2e.platform import Platform
from tests.waiting import eventually_sync


def test_a_check_tells_numbers(door: Open, running: Platform, key: str, caller: str) -> None:
    """What the platform says: allowed until the burst is used, then refused with a wait."""
    opened = door(running.url, key=key)
    first = opened.do(lambda client: client.check(NARROW, caller))
    for _ in range(first.remaining):
        opened.do(lambda client: client.check(NARROW, caller))
    refused = opened.do(lambda client: client.check(NARROW, caller))

    assert (first.allowed, first.policy, first.decided_by) == (True, NARROW, "platform")
    assert first.limit > first.remaining > 0
    assert first.rate_limit_policy.startswith(f'"{NARROW}";q={first.limit}')
    assert not refused.allowed
    assert refused.retry_after_ms > 0


def test_a_look_takes_nothing(door: Open, running: Platform, key: str, caller: str) -> None:
    """Cost 0 tells how many are left, and leaves them."""
    opened = door(running.url, key=key)
    looks = [opened.do(lambda client: client.check(NARROW, caller, 0)).remaining for _ in range(3)]
    assert len(set(looks)) == 1


def test_a_batch_keeps_its_order(door: Open, running: Platform, key: str, caller: str) -> None:
    """More than a thousand go in several calls; each answer stands where its question stood."""
    checks = [Check(NARROW, f"{caller}-{number}", cost=number % 3) for number in range(1500)]
    opened = door(running.url, key=key)
    decisions = opened.do(lambda client: client.check_batch(checks))
    burst = decisions[0].remaining

    assert [burst - decision.remaining for decision in decisions] == [check.cost for check in checks]


def test_rules_hear_what_they_look_at(door: Open, running: Platform, key: str, caller: str) -> None:
    """Route and descriptors arrive; who refused is named, among several limits that hold."""
    opened = door(running.url, key=key)
    words = {"route": "/pdf/1", "descriptors": {"citizen": caller}}
    decisions = [opened.do(lambda client: client.check(DEEP, caller, **words)) for _ in range(4)]

    assert [decision.allowed for decision in decisions] == [True] * COPIES_A_DAY + [False]
    assert (decisions[3].rule, decisions[3].policy) == ("copies", "rule.copies")
    assert decisions[3].violated_policies == ("rule.copies",)
    elsewhere = Check(DEEP, caller, route="/form", descriptors={"citizen": caller})
    assert opened.do(lambda client: client.check_batch([elsewhere]))[0].allowed


def test_an_empty_batch_asks_nobody(door: Open) -> None:
    """No question, no answer."""
    with odd(hang) as listener:
        assert door(listener.url).do(lambda client: client.check_batch([])) == []
    assert listener.requests == []


def test_a_batch_in_a_loss(door: Open) -> None:
    """Each of its questions is decided by ``on_loss``; a call may choose its own."""
    with odd(answer(500)) as listener:
        opened = door(listener.url)
        checks = [Check("p", "a"), Check("p", "b")]
        closed = opened.do(lambda client: client.check_batch(checks))
        opened_up = opened.do(lambda client: client.check_batch(checks, on_loss="open"))

    assert [decision.decided_by for decision in closed] == ["closed"] * 2
    assert [decision.decided_by for decision in opened_up] == ["open"] * 2


def test_faults_of_the_call_are_raised(door: Open, running: Platform, key: str) -> None:
    """By what they are: these are for who sets it up, and no loss."""
    with pytest.raises(UnknownPolicy):
        door(running.url, key=key).do(lambda client: client.check("no-such-service", "k"))
    with pytest.raises(Unauthenticated):
        door(running.url, key=KEY).do(lambda client: client.check(NARROW, "k"))
    with pytest.raises(InvalidRequest) as raised:
        door(running.url, key=key).do(lambda client: client.check("x" * 201, "k"))
    assert raised.value.details.errors[0]["pointer"] == "#/policy"


@pytest.mark.parametrize("words", [("p", "k" * 513), ("p", "k", -1), ("p", "k", 10**9 + 1), ("", "k")])
def test_what_no_platform_takes_is_not_sent(door: Open, words: tuple[str, ...]) -> None:
    """ValueError, whether the platform is there or not."""
    with odd(hang) as listener, pytest.raises(ValueError):
        door(listener.url).do(lambda client: client.check(*words))
    assert listener.requests == []


def test_a_platform_is_verified(door: Open, running: Platform, key: str) -> None:
    """Its version is told, from its own description."""
    assert door(running.url, key=key).do(lambda client: client.verify()).count(".") == 2


def test_what_is_no_platform_is_noticed(door: Open) -> None:
    """Another server, an older platform, nobody: three things."""
    old = {"info": {"version": "0.0.1"}, "paths": {"/v1/limits/check": {"post": {}}}}
    with odd(answer(200, {"hello": "world"}), answer(200, old), answer(500)) as listener:
        opened = door(listener.url)
        with pytest.raises(IncompatiblePlatform):
            opened.do(lambda client: client.verify())
        with pytest.raises(IncompatiblePlatform, match="POST /v1/limits/leases"):
            opened.do(lambda client: client.verify())
        with pytest.raises(PlatformAway):
            opened.do(lambda client: client.verify())


def test_a_platform_below_a_path(door: Open) -> None:
    """Where a proxy serves it under a prefix, the url has it."""
    with odd(answer(200, {"hello": "world"})) as listener:
        opened = door(f"{listener.url}/shared services/sadd/")
        with pytest.raises(IncompatiblePlatform):
            opened.do(lambda client: client.verify())
    assert listener.requests[0].startswith(b"GET /shared%20services/sadd/openapi.json HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{listener.port}\r\n".encode() in listener.requests[0]


def test_a_frozen_platform_is_lived_without(door: Open, running: Platform, key: str, caller: str) -> None:
    """Its workers stand still: each call has its deadline, the breaker spares the rest, then it is back."""
    opened = door(running.url, key=key, deadline_seconds=0.1)
    workers = running.workers()
    for worker in workers:
        worker.suspend()
    try:
        began = time.monotonic()
        decided = [opened.do(lambda client: client.check(NARROW, caller)).decided_by for _ in range(50)]
        took = time.monotonic() - began
    finally:
        for worker in workers:
            worker.resume()

    assert set(decided) == {"closed"}
    assert took < 4.5, "not fifty times the deadline"
    eventually_sync(lambda: opened.do(lambda client: client.check(NARROW, caller)).decided_by == "platform")
