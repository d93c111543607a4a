"""Leases while things break: a listener that grants, stalls, forgets and refuses."""

import asyncio
import logging
import socket
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from sadd_client import Client, Forbidden, LimiterStats
from sadd_client.clock import now
from tests.client.conftest import Open
from tests.client.doors import KEY
from tests.client.odd import ALLOWED, Behaviour, Odd, answer, hang, odd, problem
from tests.waiting import eventually_sync

HOT = 40
"""So many exact checks at once make a key hot."""
REFUSED = {**ALLOWED, "allowed": False, "remaining": 0, "retry_after_ms": 60_000}


def by_path(*, checks: Behaviour, leases: Sequence[Behaviour], ends: Behaviour | None = None) -> Behaviour:
    """One behaviour for each call; of the leases' the last for good."""
    left = list(leases)
    ended = ends or answer(204)

    def behave(connection: socket.socket, listener: Odd) -> None:
        if listener.requests[-1].startswith(b"POST /v1/limits/check"):
            checks(connection, listener)
        elif listener.requests[-1].startswith(b"DELETE"):
            ended(connection, listener)
        else:
            (left.pop(0) if len(left) > 1 else left[0])(connection, listener)

    return behave


def grant(tokens: int, expires_in_ms: int = 10_000, after_seconds: float = 0.0) -> Behaviour:
    granted = answer(200, {"lease_id": f"l-{tokens}", "granted": tokens, "expires_in_ms": expires_in_ms})

    def behave(connection: socket.socket, listener: Odd) -> None:
        listener.ended.wait(after_seconds)
        granted(connection, listener)

    return behave


def decide(client: Any, times: int) -> Any:
    """``decided_by`` of so many decisions, in order."""
    limiter = client.limiter("p")
    if isinstance(client, Client):
        return [limiter.decide("k").decided_by for _ in range(times)]

    async def awaited() -> list[str]:
        decided = []
        for _ in range(times):
            decided.append((await limiter.decide("k")).decided_by)
            await asyncio.sleep(0)  # as servers do: what runs beside has its turn
        return decided

    return awaited()


def until_leased(opened: Any) -> list[str]:
    """The decisions up to the first one from a lease."""
    limiter = opened.client.limiter("p")
    decided: list[str] = []
    while "lease" not in decided:
        assert len(decided) < HOT
        decided.append(opened.do(lambda _: limiter.decide("k")).decided_by)
    return decided


def stats(opened: Any) -> LimiterStats:
    found: LimiterStats = opened.client.limiter("p").stats()
    return found


def leases_asked(listener: Odd) -> int:
    return sum(request.startswith(b"POST /v1/limits/leases") for request in listener.requests)


def test_a_holder_stops_before_the_grantor(door: Open) -> None:
    """Its time counts from before it asked, however long the answer took, and less a margin."""
    asked_at: list[float] = []

    def slowly(connection: socket.socket, listener: Odd) -> None:
        asked_at.append(now())
        listener.ended.wait(0.3)
        grant(10, 5_000)(connection, listener)

    with odd(by_path(checks=answer(200, ALLOWED), leases=[slowly])) as listener:
        opened = door(listener.url)
        until_leased(opened)
        ends = opened.client.limiter("p")._holder.ledger.slices["k"].ends

    assert asked_at[0] + 4.8 < ends < asked_at[0] + 5.0 * 63 / 64


def test_what_is_past_its_time_is_not_spent(door: Open) -> None:
    """Units are left, and the platform is asked; the statistics say how many nobody used."""
    with odd(by_path(checks=answer(200, ALLOWED), leases=[grant(10, 150), grant(0)])) as listener:
        opened = door(listener.url)
        until_leased(opened)
        ends = opened.client.limiter("p")._holder.ledger.slices["k"].ends
        eventually_sync(lambda: now() >= ends)
        assert opened.do(lambda client: decide(client, 1)) == ["platform"]
        found = stats(opened)

    assert (found.granted, found.spent, found.expired, found.outstanding) == (10, 1, 9, 0)


def test_a_lease_outlasts_the_platform(door: Open) -> None:
    """What was granted may be spent while nobody answers; then ``on_loss`` decides."""
    with odd(by_path(checks=answer(200, ALLOWED), leases=[grant(10), hang])) as listener:
        opened = door(listener.url, deadline_seconds=0.5)
        until_leased(opened)
        listener.behave(hang)
        decided = opened.do(lambda client: decide(client, 11))

    assert decided == ["lease"] * 9 + ["closed"] * 2


def test_units_are_spent_once_by_many_threads() -> None:
    """Exactly what was granted passes, whatever the threads do to each other."""
    behaviour = by_path(
        checks=lambda connection, listener: answer(200, ALLOWED if len(listener.requests) < HOT else REFUSED)(
            connection, listener
        ),
        leases=[grant(20), grant(5_000), grant(0)],
    )
    admitted = [0] * 8
    with odd(behaviour) as listener, Client(listener.url, key=KEY, on_loss="closed") as client:
        limiter = client.limiter("p")

        def work(number: int) -> None:
            admitted[number] = sum(limiter.allow("k") for _ in range(2_000))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        found = limiter.stats()
        passed = sum(request.startswith(b"POST /v1/limits/check") for request in listener.requests[: HOT - 1])
    assert sum(admitted) == found.spent + passed
    assert found.spent == found.granted


def test_a_platform_without_leases_is_checked_with(door: Open) -> None:
    """It is asked for a lease once; every decision is exact."""
    for nothing in (problem(404, "not-found"), problem(405, "method-not-allowed")):
        with odd(by_path(checks=answer(200, ALLOWED), leases=[nothing])) as listener:
            decided = door(listener.url).do(lambda client: decide(client, 2 * HOT))
        assert set(decided) == {"platform"}
        assert leases_asked(listener) == 1


@pytest.mark.parametrize(
    "nothing",
    [
        answer(500),
        answer(200, {"lease_id": "l"}),
        answer(200, {"lease_id": None, "granted": 9, "expires_in_ms": 9000}),
        answer(200, {"lease_id": "l" * 10_001, "granted": 9, "expires_in_ms": 9000}),
        answer(200, ["l"]),
        grant(0),
    ],
)
def test_no_lease_is_no_loss(door: Open, nothing: Behaviour) -> None:
    """When none is granted the decision is the platform's, and the key rests before it asks again."""
    with odd(by_path(checks=answer(200, ALLOWED), leases=[nothing])) as listener:
        decided = door(listener.url).do(lambda client: decide(client, HOT))
    assert set(decided) == {"platform"}
    assert leases_asked(listener) == 1


def test_more_than_asked_for_is_not_taken(door: Open) -> None:
    """A grant above the question is no reason to admit more."""
    with odd(by_path(checks=answer(200, ALLOWED), leases=[grant(10**9)])) as listener:
        opened = door(listener.url)
        opened.do(lambda client: decide(client, HOT))
        assert stats(opened).granted < 1_000


def test_a_forbidden_lease_is_said(door: Open, caplog: pytest.LogCaptureFixture) -> None:
    """Who asks for it gets the problem; a refill beside the callers logs it."""
    behaviour = by_path(checks=answer(200, ALLOWED), leases=[problem(403, "forbidden")])
    with odd(behaviour) as listener, pytest.raises(Forbidden):
        door(listener.url).do(lambda client: decide(client, HOT))
    behaviour = by_path(checks=answer(200, ALLOWED), leases=[grant(20), problem(403, "forbidden")])
    with caplog.at_level(logging.ERROR, "sadd_client"), odd(behaviour) as listener:
        opened = door(listener.url)
        with pytest.raises(Forbidden):
            opened.do(lambda client: decide(client, 2 * HOT))
    assert "403 forbidden" in caplog.text


def test_what_does_not_arrive_back_is_counted(door: Open) -> None:
    """A lease that could not be given back is under-admission, and the statistics say how much."""
    behaviour = by_path(checks=answer(200, ALLOWED), leases=[grant(20)], ends=answer(500))
    with odd(behaviour) as listener:
        opened = door(listener.url)
        opened.do(lambda client: decide(client, HOT))
        limiter = opened.client.limiter("p")
        opened.do(lambda _: limiter.close())
        found = limiter.stats()

    assert (found.returned, found.outstanding) == (0, 0)
    assert found.expired == found.granted - found.spent > 0


def test_decisions_of_a_stalled_platform_keep_their_deadline(door: Open) -> None:
    """Whoever waits for another's lease waits no longer than for his own."""
    with odd(by_path(checks=answer(200, ALLOWED), leases=[hang])) as listener:
        opened = door(listener.url, deadline_seconds=0.3)
        decided = opened.do(lambda client: decide(client, HOT))
    assert decided.count("closed") == 1, "the one who asked for the lease; the key then rests"
    assert len(listener.requests) == HOT, "no check is sent that nobody has time to wait for"
