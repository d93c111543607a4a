"""What proxies tell of the origins reaches the rooms, and nothing else does."""

import asyncio
import socket
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueing.policy import Room
from queueing.store import StoreUnavailable
from sadd.catalogue.model import Name
from sadd.gate.outcomes import Outcomes, listen_for_datagrams, outcome_of
from sadd.gate.trust import Trust
from sadd.rooms.spec import RoomSpec
from tests.waiting import eventually

ROOM = Room("hall", 60, 10, 60_000, 600_000)


class Hall:
    """One room, and what it was told of its origin."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int, float]] = []
        self.away = False

    def of_service(self, service_id: str) -> RoomSpec | None:
        return (
            RoomSpec(ROOM, Name("قاعة", "Hall"), "moehe", ("results",)) if service_id == "results" else None
        )

    async def feedback(self, room: Room, ok: int, failed: int, latency_ms: float) -> None:
        if self.away:
            raise StoreUnavailable
        self.told.append((room.id, ok, failed, latency_ms))


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        (b'sadd results "200" "0.125"', ("results", 200, 0.125)),
        (b'<190>Nov 24 15:00:00 nginx: sadd results "200" "0.125"\n', ("results", 200, 0.125)),
        (b'sadd results "502, 200" "0.010, 0.200"', ("results", 200, 0.2)),
        (b'sadd results "200 : 503" "0.001 : 0.200"', ("results", 503, 0.2)),
        (b'sadd results "504" "12 ms"', ("results", 504, 0.012)),
        (b'sadd results "504" "12ms"', ("results", 504, 0.012)),
        (b'sadd results "-" "-"', None),
        (b'sadd results "200" "-1 ms"', None),
        (b'sadd results "200" "nan"', None),
        (b'sadd results "999" "0.1"', None),
        (b'sadd results "200" "99999"', None),
        (b"sadd results 200 0.1", None),
        (b'sadd "200" "0.1"', None),
        (b"", None),
        (b'sadd results "200" "0.1"' + b" " * 3_000, None),
    ],
)
def test_what_a_line_says(line: bytes, outcome: tuple[str, int, float] | None) -> None:
    """nginx's and HAProxy's own forms; of several tries the last; what is no outcome is none."""
    assert outcome_of(line) == outcome


@given(st.binary(max_size=300))
def test_rubbish(line: bytes) -> None:
    """Anybody can send a datagram."""
    for one in (line, b"sadd " + line, b'sadd results "' + line + b'" "0.1"'):
        found = outcome_of(one)
        assert found is None or 100 <= found[1] <= 599


async def test_a_second_of_outcomes_is_one_word_to_the_room() -> None:
    """Errors of the origin are told from answers; their latencies as a mean."""
    hall = Hall()
    outcomes = Outcomes(hall, hall, Trust(["10.0.0.0/8"]))
    for line in (b'sadd results "200" "0.1"', b'sadd results "404" "0.3"', b'sadd results "500" "0.2"'):
        outcomes.datagram_received(line, ("10.0.0.1", 4711))
    await outcomes.feed()
    await outcomes.feed()
    ((room, ok, failed, latency_ms),) = hall.told
    assert (room, ok, failed, round(latency_ms)) == ("hall", 2, 1, 200)


async def test_who_is_no_proxy_tells_nothing() -> None:
    """Nor does a line about a service without a room, or one that says nothing."""
    hall = Hall()
    outcomes = Outcomes(hall, hall, Trust(["10.0.0.0/8"]))
    outcomes.datagram_received(b'sadd results "500" "0.1"', ("203.0.113.7", 4711))
    outcomes.datagram_received(b'sadd other "500" "0.1"', ("10.0.0.1", 4711))
    outcomes.datagram_received(b"hello", ("10.0.0.1", 4711))
    await outcomes.feed()
    assert hall.told == []
    assert outcomes.stats().told == {"heard": 0, "foreign": 1, "malformed": 1, "roomless": 1}


async def test_a_store_that_is_away_does_not_end_it() -> None:
    """What cannot be told is let go."""
    hall = Hall()
    hall.away = True
    outcomes = Outcomes(hall, hall, Trust(["10.0.0.0/8"]))
    outcomes.datagram_received(b'sadd results "200" "0.1"', ("10.0.0.1", 4711))
    await outcomes.feed()
    hall.away = False
    outcomes.datagram_received(b'sadd results "200" "0.1"', ("10.0.0.1", 4711))
    await outcomes.feed()
    assert len(hall.told) == 1


async def test_over_a_real_socket() -> None:
    """Bound as the workers bind it, fed each second, closed at the end."""
    hall = Hall()
    outcomes = Outcomes(hall, hall, Trust(["127.0.0.1/32"]))
    listener = listen_for_datagrams("127.0.0.1", 0)
    port = listener.getsockname()[1]
    task = asyncio.create_task(outcomes.run(listener))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as proxy:

        async def told() -> bool:
            proxy.sendto(b'sadd results "200" "0.1"', ("127.0.0.1", port))
            return bool(hall.told)

        await eventually(told)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert listener.fileno() == -1
