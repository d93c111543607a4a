"""One connection: what it answers, what it bears, and what ends it."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import cast

import pytest

from sadd.grpc import frames
from sadd.grpc.calls import MESSAGE_BYTES_MAX, STREAMS_MAX, WINDOW_BYTES
from sadd.grpc.connection import RETIRES_AT_ID, Connection
from sadd.grpc.frames import ACK, END_HEADERS, END_STREAM, PREFACE, frame
from sadd.grpc.status import Code
from sadd.grpc.switchboard import Limits
from tests.sadd.grpc.conftest import FAIL, HOLD, LONG, REFUSE, WHO, Served, serving
from tests.sadd.grpc.peer import Peer, connected, greeted, prefixed
from tests.waiting import eventually


async def test_a_call_is_answered(served: Served) -> None:
    """HEADERS, DATA, HEADERS, with the status of gRPC in the last."""
    async with greeted(served.port) as peer:
        answer = await peer.call(b"hello")

    assert answer.message == b"hello"
    assert answer.fields == {":status": "200", "content-type": "application/grpc", "grpc-status": "0"}


async def test_many_calls_at_once(served: Served) -> None:
    """Calls of one write are all answered, and in one write when they need no wait."""
    async with greeted(served.port) as peer:
        ids, sent = zip(*(peer.request(b"%d" % n) for n in range(200)), strict=True)
        peer.write(b"".join(sent))
        got = [(await peer.answer(stream_id)).message for stream_id in ids]

    assert got == [b"%d" % n for n in range(200)]


async def test_bytes_may_be_cut_anywhere(served: Served) -> None:
    """A connection's bytes mean the same at every cut."""
    async with greeted(served.port) as peer:
        _, sent = peer.request(b"hello", grpc_timeout="5S")
    opening = PREFACE + frames.settings({}) + frames.SETTINGS_ACK + sent
    for cut in range(1, len(opening)):
        async with connected(served.port) as peer:
            peer.write(opening[:cut])
            await peer.writer.drain()
            await asyncio.sleep(0)
            peer.write(opening[cut:])
            assert (await peer.answer(1)).message == b"hello"


async def test_a_table_before_our_settings_are_taken(served: Served) -> None:
    """Until it has taken our settings a peer may use the header table, and after them it may not."""
    async with connected(served.port) as peer:
        peer.encoder.header_table_size = 4096
        first, one = peer.request(b"one", x_citizen="28012345678")
        second, two = peer.request(b"two", x_citizen="28012345678")
        assert len(two) < len(one) - 20, "the table is in use"
        peer.write(PREFACE + frames.settings({}) + one + two)
        assert (await peer.answer(first)).message == b"one"
        assert (await peer.answer(second)).message == b"two"
        peer.encoder.header_table_size = 0
        third, three = peer.request(b"three")
        peer.write(frames.SETTINGS_ACK + three)
        assert (await peer.answer(third)).message == b"three"
        peer.write(frame(frames.HEADERS, END_HEADERS, 7, b"\xbe"))  # the first entry of the table
        assert await peer.goaway() == frames.COMPRESSION_ERROR


async def test_padding_priority_and_continuation(served: Served) -> None:
    """A request in its most roundabout form is the same request."""
    async with greeted(served.port) as peer:
        block = peer.block()
        flags = frames.PADDED | frames.PRIORITISED
        peer.write(
            frame(frames.HEADERS, flags, 1, b"\x03" + b"\x00\x00\x00\x00\x10" + block[:7] + b"\x00" * 3)
            + frame(frames.CONTINUATION, 0, 1, b"")
            + frame(frames.CONTINUATION, END_HEADERS, 1, block[7:])
            + frame(frames.PRIORITY, 0, 1, b"\x00\x00\x00\x00\x10")
            + frame(frames.DATA, frames.PADDED, 1, b"\x02" + prefixed(b"hello")[:3] + b"\x00\x00")
            + frame(frames.DATA, 0, 1, prefixed(b"hello")[3:])
            + frame(frames.DATA, END_STREAM, 1, b"")
        )
        assert (await peer.answer(1)).message == b"hello"


async def test_ping_is_answered(served: Served) -> None:
    """With the same eight bytes."""
    async with greeted(served.port) as peer:
        peer.write(frames.ping(b"12345678"))
        pong = await peer.until(frames.PING)

    assert (pong.flags, pong.payload) == (ACK, b"12345678")


async def test_a_small_window_holds_the_answer_back(served: Served) -> None:
    """DATA comes as far as the stream's window, the rest when it opens."""
    async with greeted(served.port, {frames.INITIAL_WINDOW_SIZE: 5}) as peer:
        stream_id, sent = peer.request(b"hello")
        peer.write(sent + frames.ping(b"is there"))
        assert (await peer.until(frames.DATA)).payload == prefixed(b"hello")[:5]
        assert (await peer.frame()).kind == frames.PING, "nothing more came"
        peer.write(frames.window_update(stream_id, 1))
        assert (await peer.until(frames.DATA)).payload == b"h"
        peer.write(frames.window_update(stream_id, 100))
        assert (await peer.until(frames.DATA)).payload == b"ello"
        assert (await peer.answer(stream_id)).status == "0"


async def test_of_a_setting_that_is_there_twice_the_last_counts(served: Served) -> None:
    """Nothing is sent by a window that the same SETTINGS takes back (RFC 9113 §6.5.3)."""
    async with greeted(served.port, {frames.INITIAL_WINDOW_SIZE: 0}) as peer:
        stream_id, sent = peer.request(b"hello")
        windows = frames.settings({frames.INITIAL_WINDOW_SIZE: 100})[9:] + frames.settings({4: 1})[9:]
        peer.write(sent + frame(frames.SETTINGS, 0, 0, windows))
        assert (await peer.until(frames.DATA, stream_id)).payload == prefixed(b"hello")[:1]


async def test_a_frame_of_many_windows_costs_as_one(served: Served) -> None:
    """Each window moves every stream: a frame of 2,700 of them would hold the worker up for 0.3 s."""
    bomb = frame(frames.SETTINGS, 0, 0, frames.settings({frames.INITIAL_WINDOW_SIZE: 7})[9:] * 2_700)
    async with greeted(served.port) as peer:
        calls = [peer.request(b"stay", HOLD)[1] for _ in range(STREAMS_MAX)]
        peer.write(b"".join(calls) + bomb * 20 + frames.ping(b"is there"))
        began = time.perf_counter()
        await peer.until(frames.PING)

    assert time.perf_counter() - began < 3


async def test_a_window_of_nothing_opened_by_settings(served: Served) -> None:
    """A larger first window opens the streams that wait, too."""
    async with greeted(served.port, {frames.INITIAL_WINDOW_SIZE: 0}) as peer:
        stream_id, sent = peer.request(b"hello")
        peer.write(sent + frames.ping(b"is there"))
        await peer.until(frames.PING)
        peer.write(frames.settings({frames.INITIAL_WINDOW_SIZE: 65_535}))
        assert (await peer.answer(stream_id)).message == b"hello"


async def test_the_connections_window_is_kept(served: Served) -> None:
    """An answer larger than the connection's window comes in pieces, each of at most 16 KiB."""
    async with greeted(served.port, {frames.INITIAL_WINDOW_SIZE: 2**31 - 1}) as peer:
        ids, sent = zip(*(peer.request(b"x" * 50, LONG) for _ in range(4)), strict=True)
        peer.write(b"".join(sent) + frames.ping(b"is there"))
        came = 0
        while (got := await peer.frame()).kind != frames.PING:
            came += len(got.payload) if got.kind == frames.DATA else 0
            assert len(got.payload) <= 16_384
        assert came == 65_535
        peer.write(frames.window_update(0, 300_000))
        while (got := await peer.frame()) and not (got.stream_id == ids[-1] and got.flags & END_STREAM):
            came += len(got.payload) if got.kind == frames.DATA else 0

    assert came == 4 * 50_005


async def test_a_long_request_is_taken(served: Served) -> None:
    """A message larger than HTTP/2's first windows: ours are larger from the start, and are opened again."""
    async with greeted(served.port, {frames.INITIAL_WINDOW_SIZE: 2**31 - 1}) as peer:
        peer.write(frames.window_update(0, 2**31 - 1 - 65_535))
        for _ in range(6):  # more than the connection's whole window
            stream_id, head = peer.head()
            body = prefixed(b"x" * (MESSAGE_BYTES_MAX))
            pieces = [body[at : at + 16_384] for at in range(0, len(body), 16_384)]
            peer.write(head + b"".join(frame(frames.DATA, 0, stream_id, piece) for piece in pieces))
            peer.write(frame(frames.DATA, END_STREAM, stream_id, b""))
            assert len((await peer.answer(stream_id)).message) == MESSAGE_BYTES_MAX


async def test_padding_is_given_back(served: Served) -> None:
    """Frames of nothing but padding hold the window until their request is complete, and no longer."""
    async with greeted(served.port) as peer:
        for _ in range(3):
            stream_id, head = peer.head()
            peer.write(head + frame(frames.DATA, frames.PADDED, stream_id, b"\x63" + b"\x00" * 99))
            peer.write(frame(frames.DATA, END_STREAM, stream_id, prefixed(b"hello")))
            assert (await peer.answer(stream_id)).message == b"hello"
        (connection,) = served.board.connections
        calls = cast("Connection", connection)._calls
        assert calls._window + calls._consumed == WINDOW_BYTES


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x01\x00\x00\x00\x05hello", Code.UNIMPLEMENTED),
        (b"\x00\x00\x00\x00\x09hello", Code.INTERNAL),
        (prefixed(b"one") + prefixed(b"two"), Code.INTERNAL),
        (b"\x00\x00", Code.INTERNAL),
        (b"", Code.INTERNAL),
        (b"\x00\x00\x10\x00\x01", Code.INTERNAL),
    ],
)
async def test_a_bad_message_is_refused(served: Served, sent: bytes, status: Code) -> None:
    """Compressed, cut short, two in one, none at all: a status, and the connection lives."""
    async with greeted(served.port) as peer:
        stream_id, head = peer.head()
        peer.write(head + frame(frames.DATA, END_STREAM, stream_id, sent))
        assert (await peer.answer(stream_id)).status == str(int(status))
        assert (await peer.call(b"next")).message == b"next"


async def test_a_large_message_is_refused_by_its_length(served: Served) -> None:
    """RESOURCE_EXHAUSTED as soon as its length is told, and the rest is not wanted."""
    async with greeted(served.port) as peer:
        stream_id, head = peer.head()
        begin = (MESSAGE_BYTES_MAX + 1).to_bytes(5, "big")
        peer.write(head + frame(frames.DATA, 0, stream_id, begin + b"x" * 100))
        assert (await peer.answer(stream_id)).status == str(int(Code.RESOURCE_EXHAUSTED))
        assert (await peer.until(frames.RST_STREAM)).code == frames.NO_ERROR
        peer.write(frame(frames.DATA, END_STREAM, stream_id, b"late"))
        assert (await peer.call(b"next")).message == b"next"


async def test_what_is_no_call_gets_a_status_of_http(served: Served) -> None:
    """405 for another method, 415 for another content type, as gRPC's protocol has it."""
    async with greeted(served.port) as peer:
        assert (await peer.call(b"x", content_type="application/json")).fields == {":status": "415"}
        assert (await peer.call(b"x", content_type="application/grpc-web")).fields == {":status": "415"}
        assert (await peer.call(b"x", content_type="application/grpc+proto")).message == b"x"
        fields = [(":method", "GET"), (":scheme", "http"), (":path", "/")]
        peer.write(frame(frames.HEADERS, END_HEADERS | END_STREAM, 7, peer.encoder.encode(fields)))
        assert (await peer.answer(7)).fields == {":status": "405"}


async def test_unknown_methods_failures_and_refusals(served: Served) -> None:
    """Each is a status with a word, percent-encoded where it is not plain."""
    async with greeted(served.port) as peer:
        unknown = await peer.call(b"x", "/no.Such/Method")
        failed = await peer.call(b"x", FAIL)
        refused = await peer.call("مهلة 100%".encode(), REFUSE)
        long = await peer.call(b"x" * 300, REFUSE)

    assert (unknown.status, unknown.fields["grpc-message"]) == ("12", "no such method")
    assert failed.status == "13"
    assert "planted" not in failed.fields["grpc-message"]
    assert refused.status == "14"
    assert refused.fields["grpc-message"] == "%D9%85%D9%87%D9%84%D8%A9 100%25"
    assert long.fields["grpc-message"] == "x" * 300


async def test_a_method_learns_who_calls(served: Served) -> None:
    """The client's address."""
    async with greeted(served.port) as peer:
        assert (await peer.call(b"", WHO)).message == b"127.0.0.1"


async def test_a_cancelled_calls_answer_is_dropped(served: Served) -> None:
    """Its method still answers, to nobody; the others of the connection go on."""
    async with greeted(served.port) as peer:
        stream_id, sent = peer.request(b"held", HOLD)
        other, also = peer.request(b"other", HOLD)
        peer.write(sent + also)
        await eventually(lambda: len(served.held) == 2)
        peer.write(frames.rst_stream(stream_id, frames.CANCEL))
        assert (await peer.call(b"next")).message == b"next"
        for message, done in served.held:
            done(message)
            done(b"twice")
        assert (await peer.answer(other)).message == b"other"
        peer.write(frames.ping(b"is there"))
        while (got := await peer.frame()).kind != frames.PING:
            assert got.stream_id != stream_id

    assert served.ended(HOLD)[1] == 1


async def test_answers_to_clients_that_left(served: Served) -> None:
    """``done`` does no harm when the connection is gone: the batch that it is in goes on."""
    async with greeted(served.port) as peer:
        peer.write(peer.request(b"held", HOLD)[1])
        await eventually(lambda: served.held)
    await eventually(lambda: not served.board.connections)
    served.held[0][1](b"too late")

    assert served.ended(HOLD)[1] == 1


async def test_a_deadline_is_kept(served: Served) -> None:
    """A call without an answer within its grpc-timeout is DEADLINE_EXCEEDED."""
    async with greeted(served.port) as peer:
        answer = await peer.call(b"held", HOLD, grpc_timeout="20m")
        assert answer.status == str(int(Code.DEADLINE_EXCEEDED))
        served.held[0][1](b"too late")
        assert (await peer.call(b"next")).message == b"next"
        assert (await peer.call(b"x", grpc_timeout="soon")).status == str(int(Code.INTERNAL))


async def test_an_answer_that_no_window_takes_ends_at_its_deadline(served: Served) -> None:
    """Held answers do not pile up: RST_STREAM when the call's time is over."""
    async with greeted(served.port, {frames.INITIAL_WINDOW_SIZE: 0}) as peer:
        stream_id, sent = peer.request(b"hello", grpc_timeout="20m")
        peer.write(sent)
        assert (await peer.until(frames.RST_STREAM, stream_id)).code == frames.CANCEL
        assert served.board.stats().streams == 0


async def test_calls_at_once_are_bounded(served: Served) -> None:
    """One more than we said is refused; cancelled ones count until their work has ended (rapid reset)."""
    async with greeted(served.port) as peer:
        for n in range(STREAMS_MAX):
            stream_id, sent = peer.request(b"%d" % n, HOLD)
            peer.write(sent + frames.rst_stream(stream_id, frames.CANCEL))
        stream_id, sent = peer.request(b"one more", HOLD)
        peer.write(sent)
        assert (await peer.until(frames.RST_STREAM)).code == frames.REFUSED_STREAM
        assert len(served.held) == STREAMS_MAX
        for message, done in served.held:
            done(message)
        assert (await peer.call(b"next")).message == b"next"
    await eventually(lambda: served.board.stats().refused_streams == 1)


FLOODS: dict[str, Callable[[Peer, int], bytes]] = {
    "PING": lambda peer, n: frames.ping(b"12345678"),
    "SETTINGS": lambda peer, n: frames.settings({frames.INITIAL_WINDOW_SIZE: n % 2}),
    "acknowledgements": lambda peer, n: frames.SETTINGS_ACK,
    "PRIORITY": lambda peer, n: frame(frames.PRIORITY, 0, 2 * n + 1, b"\x00" * 5),
    "WINDOW_UPDATE": lambda peer, n: frames.window_update(0, 1),
    "empty DATA": lambda peer, n: frame(frames.DATA, 0, 1, b""),
    "DATA after the end": lambda peer, n: frame(frames.DATA, END_STREAM, 1, b""),
    "unknown frames": lambda peer, n: frame(0xFA, 0, 0, b""),
    "resets": lambda peer, n: (
        peer.request(b"x", HOLD)[1] + frames.rst_stream(peer.next_id - 2, frames.CANCEL)
    ),
    "trailers": lambda peer, n: frame(frames.HEADERS, END_HEADERS, 1, b"\x88"),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_floods_end_their_connection(served: Served, flood: str) -> None:
    """The connection ends after a bounded number of frames that carry no call; others are served on."""
    async with greeted(served.port) as peer, greeted(served.port) as other:
        peer.write(peer.head()[1])
        for n in range(12_000):
            peer.write(FLOODS[flood](peer, n))
        await peer.ended()  # the GOAWAY may be lost: what we had not read makes the end a reset
        assert (await other.call(b"next")).message == b"next"

    assert served.board.stats().ended["flood"] == 1


@pytest.mark.parametrize("piece", [b"", b"x" * 2000])
async def test_a_header_block_ends(served: Served, piece: bytes) -> None:
    """CONTINUATION is bounded in number and in bytes."""
    async with greeted(served.port) as peer:
        peer.write(frame(frames.HEADERS, 0, 1, peer.block()))
        peer.write(frame(frames.CONTINUATION, 0, 1, piece) * 20)
        assert await peer.goaway() == frames.ENHANCE_YOUR_CALM


async def test_a_header_list_is_bounded(served: Served) -> None:
    """Fields that are short on the wire and long in memory: the list as it is decoded counts."""
    async with greeted(served.port) as peer:
        peer.write(frame(frames.HEADERS, END_HEADERS, 1, peer.block() + b"\x82" * 1000))
        assert await peer.goaway() == frames.ENHANCE_YOUR_CALM


FAULTS = {
    "a push": (frame(frames.PUSH_PROMISE, END_HEADERS, 1, b"\x00" * 4), frames.PROTOCOL_ERROR),
    "an even stream": (frame(frames.HEADERS, END_HEADERS, 2, b"\x83"), frames.PROTOCOL_ERROR),
    "stream 0": (frame(frames.HEADERS, END_HEADERS, 0, b"\x83"), frames.PROTOCOL_ERROR),
    "data of nothing": (frame(frames.DATA, 0, 5, b"x"), frames.PROTOCOL_ERROR),
    "a reset of nothing": (frames.rst_stream(5, 8), frames.PROTOCOL_ERROR),
    "a window of nothing": (frames.window_update(5, 1), frames.PROTOCOL_ERROR),
    "a window by nothing": (frames.window_update(0, 0), frames.PROTOCOL_ERROR),
    "a window too large": (frames.window_update(0, 2**31 - 1), frames.FLOW_CONTROL_ERROR),
    "a first window too large": (
        frames.settings({frames.INITIAL_WINDOW_SIZE: 2**31}),
        frames.FLOW_CONTROL_ERROR,
    ),
    "a frame size too small": (frames.settings({frames.MAX_FRAME_SIZE: 1}), frames.PROTOCOL_ERROR),
    "a push setting": (frames.settings({frames.ENABLE_PUSH: 2}), frames.PROTOCOL_ERROR),
    "settings cut short": (frame(frames.SETTINGS, 0, 0, b"x"), frames.FRAME_SIZE_ERROR),
    "a short ping": (frame(frames.PING, 0, 0, b"x"), frames.FRAME_SIZE_ERROR),
    "a frame too large": (b"\xff\xff\xff\x00\x00" + b"\x00" * 4, frames.FRAME_SIZE_ERROR),
    "a lone continuation": (frame(frames.CONTINUATION, END_HEADERS, 1, b""), frames.PROTOCOL_ERROR),
    "a frame inside a block": (
        frame(frames.HEADERS, 0, 1, b"\x83") + frames.ping(b"12345678"),
        frames.PROTOCOL_ERROR,
    ),
    "too much padding": (
        frame(frames.HEADERS, END_HEADERS | frames.PADDED, 1, b"\x09x"),
        frames.PROTOCOL_ERROR,
    ),
    "a broken block": (frame(frames.HEADERS, END_HEADERS, 1, b"\x00\x7f"), frames.COMPRESSION_ERROR),
    "an endless number": (frame(frames.HEADERS, END_HEADERS, 1, b"\xff" * 100), frames.COMPRESSION_ERROR),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_faults_are_named(served: Served, fault: str) -> None:
    """GOAWAY with the code that RFC 9113 has for it, then the end."""
    sent, code = FAULTS[fault]
    async with greeted(served.port) as peer:
        peer.write(sent)
        assert await peer.goaway() == code


async def test_more_data_than_the_window(served: Served) -> None:
    """A peer that ignores our window is ended, so requests hold no more memory than it says."""
    async with greeted(served.port) as peer:
        peer.next_id = 1
        for _ in range(5):
            stream_id, head = peer.head()
            peer.write(head + frame(frames.DATA, 0, stream_id, b"\x00\x00\x10\x00\x00"))
            for _ in range(60):
                peer.write(frame(frames.DATA, 0, stream_id, b"x" * 16_384))
        assert await peer.goaway() == frames.FLOW_CONTROL_ERROR


async def test_http1_is_told_what_this_is(served: Served) -> None:
    """An answer in its own language, and the end; what is no text gets the end alone."""
    async with connected(served.port) as peer:
        peer.write(b"GET / HTTP/1.1\r\nHost: sadd\r\n\r\n")
        said = await peer.ended()
    async with connected(served.port) as other:
        other.write(b"\x16\x03\x01\x02\x00\x01\x00\x01")
        assert await other.ended() == b""

    assert said.startswith(b"HTTP/1.1 505 ")
    assert b"gRPC" in said
    assert served.board.stats().ended["not_http2"] == 2


async def test_the_first_frame_is_settings() -> None:
    """A connection that begins otherwise, or does not begin in time, is closed."""
    async with serving(Limits(first_byte_timeout_seconds=0.2)) as served:
        async with connected(served.port) as peer:
            peer.write(PREFACE + frames.ping(b"12345678"))
            assert await peer.ended() == b""
        async with connected(served.port) as slow:
            slow.write(PREFACE[:10])
            async with asyncio.timeout(30):
                assert await slow.ended() == b""
        assert served.board.stats().ended["slow_start"] == 1


async def test_idle_connections_are_told_to_go() -> None:
    """GOAWAY twice, so that a call on its way is not lost; a connection that calls is not idle."""
    async with serving(Limits(idle_timeout_seconds=0.3)) as served, greeted(served.port) as peer:
        first = await peer.until(frames.GOAWAY)
        assert int.from_bytes(first.payload[:4], "big") == 2**31 - 1
        ping = await peer.until(frames.PING)
        assert (await peer.call(b"on its way")).message == b"on its way"
        peer.write(frames.ping(ping.payload, ACK))
        second = await peer.until(frames.GOAWAY)
        assert int.from_bytes(second.payload[:4], "big") == 1
        assert await peer.ended() == b""


async def test_a_connection_retires_before_its_numbers_run_out(served: Served) -> None:
    """A call of a number near the last one is answered, and the client told to connect anew."""
    async with greeted(served.port) as peer:
        peer.next_id = RETIRES_AT_ID | 1
        assert (await peer.call(b"hello")).message == b"hello"
        await peer.until(frames.GOAWAY)


async def test_a_peer_that_does_not_read_is_cut_off() -> None:
    """We stop reading from it, so what it costs is bounded, and after the idle time-out it goes."""
    async with serving(Limits(idle_timeout_seconds=0.5)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1)
        peer = Peer(reader, writer)
        peer.write(PREFACE + frames.settings({frames.INITIAL_WINDOW_SIZE: 2**31 - 1}))
        peer.write(frames.window_update(0, 2**31 - 1 - 65_535) + frames.SETTINGS_ACK)
        for _ in range(400):
            peer.write(peer.request(b"x" * 60, LONG)[1])
        await eventually(lambda: served.board.stats().ended["stalled"] == 1)
        writer.transport.abort()


async def test_connections_are_bounded() -> None:
    """One more than allowed is closed; those that are there go on."""
    async with serving(Limits(connections_max=1)) as served, greeted(served.port) as peer:
        async with connected(served.port) as other:
            assert await other.ended() == b""
        assert (await peer.call(b"hello")).message == b"hello"


async def test_mutated_connections_harm_nobody(served: Served) -> None:
    """A thousand connections with a few bytes changed: each ends or is answered, and the next works."""
    chance = random.Random(4)
    async with greeted(served.port) as peer:
        calls = b"".join(peer.request(b"hello %d" % n, grpc_timeout="1S")[1] for n in range(4))
        calls += frames.window_update(0, 5) + frames.ping(b"12345678")
        block = peer.block()
    calls += frame(frames.HEADERS, 0, 9, block[:9]) + frame(frames.CONTINUATION, END_HEADERS, 9, block[9:])
    calls += frame(frames.DATA, END_STREAM, 9, prefixed(b"x")) + frames.rst_stream(9, frames.CANCEL)
    opening = PREFACE + frames.settings({frames.INITIAL_WINDOW_SIZE: 40}) + frames.SETTINGS_ACK + calls
    for _ in range(10):
        async with asyncio.TaskGroup() as group:
            for _ in range(100):
                group.create_task(_send(served.port, _mutated(opening, chance)))

    async with greeted(served.port) as peer:
        assert (await peer.call(b"alive")).message == b"alive"
    await eventually(lambda: not served.board.connections)


def _mutated(opening: bytes, chance: random.Random) -> bytes:
    mutated = bytearray(opening)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(24, len(mutated))
        match chance.randrange(3):
            case 0:
                mutated[at] = chance.randrange(256)
            case 1:
                del mutated[at : at + chance.randint(1, 9)]
            case _:
                mutated[at:at] = chance.randbytes(chance.randint(1, 9))
    return bytes(mutated)


async def _send(port: int, opening: bytes) -> None:
    async with connected(port) as peer:
        peer.write(opening)
        peer.writer.write_eof()
        async with asyncio.timeout(30):
            await peer.ended()
