"""What a stream of events may do wrong, and that the memory is silent then."""

import logging

import pytest

from sadd_client import AsyncClient, SaddError
from tests.client.doors import KEY
from tests.client.odd import Behaviour, answer, close, hang, odd, problem, say
from tests.waiting import eventually

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(text: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(text), text)


def events(text: bytes) -> Behaviour:
    return say(HEAD + chunk(text))


@pytest.mark.parametrize(
    "behaviour",
    [
        close,
        hang,
        answer(503, None, "Retry-After: 30"),
        problem(403, "forbidden"),
        problem(404, "not-found"),
        events(b"event: hello\ndata: no JSON\n\n"),
        events(b"event: hello\ndata: {}\n\n"),
        events(b'event: alive\ndata: {"proven_ms": 99}\n\n'),
        events(b"event: hello\ndata: [1]\n\n"),
        events(b"x" * 70_000),
        say(HEAD + b"no chunk\r\n"),
    ],
)
async def test_the_memory_is_silent(behaviour: Behaviour) -> None:
    """Whatever the stream is, nothing is proven, and nothing breaks."""
    with odd(behaviour) as platform:
        async with AsyncClient(platform.url, key=KEY, on_loss="closed", deadline_seconds=0.3) as client:
            cache = client.cache("pages", memory_bytes_max=1_000_000)
            with pytest.raises(SaddError):
                await cache.get("key")
            await eventually(lambda: any(b"/events" in request for request in platform.requests), 30)

            assert not cache.stats().proven
            assert cache.known("key") is None


async def test_a_fault_of_set_up_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """In the log, without the key; not one for each attempt."""
    with caplog.at_level(logging.ERROR, "sadd_client"), odd(problem(403, "forbidden")) as platform:
        async with AsyncClient(platform.url, key=KEY, on_loss="closed", deadline_seconds=5) as client:
            cache = client.cache("pages", memory_bytes_max=1_000_000)
            with pytest.raises(SaddError):
                await cache.get("key")
            await eventually(lambda: bool(caplog.records), 30)

    assert len(caplog.records) == 1
    assert "cannot hear what is invalidated" in caplog.text
    assert KEY not in caplog.text
