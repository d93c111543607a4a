"""A connection without a network, fed with right, odd and broken frames: what must always hold."""

import asyncio
import random
from typing import cast

from hpack import Encoder
from structlog.testing import capture_logs

from sadd.grpc import frames
from sadd.grpc.connection import Connection
from sadd.grpc.frames import END_HEADERS, END_STREAM, frame
from sadd.grpc.status import Done
from sadd.grpc.switchboard import Limits, Switchboard
from tests.sadd.grpc.peer import prefixed

SEQUENCES = 600
ECHO, HOLD, BIG = "/a/Echo", "/a/Hold", "/a/Big"


class Wire:
    """The transport: keeps what is written, and notes a write after the end."""

    def __init__(self) -> None:
        self.out = bytearray()
        self.closing = False

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return "127.0.0.1", 1

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        assert not self.closing, "a write after the end"
        self.out += data

    def close(self) -> None:
        self.closing = True

    abort = close


class Scene:
    """One connection, its wire, a clock that is moved by hand, and the calls that wait."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.held: list[Done] = []
        self.wire = Wire()
        methods = {
            ECHO: lambda message, _, done: done(message),
            HOLD: lambda _message, _peer, done: self.held.append(done),
            BIG: lambda message, _, done: done(message * 500),
        }
        loop = asyncio.get_running_loop()
        self.now = loop.time()
        self.connection = Connection(Switchboard(methods, Limits()), loop)
        self.connection.connection_made(cast("asyncio.Transport", self.wire))

    def feed(self, data: bytes) -> None:
        cut = self.chance.randrange(len(data) + 1)
        self.connection.data_received(data[:cut])
        self.connection.data_received(data[cut:])

    def pass_time(self) -> None:
        """Some calls are answered, some are late, and at times the worker drains."""
        for done in self.held[: self.chance.randrange(3)]:
            done(self.chance.choice([b"x", b"y" * 100]))
        self.now += self.chance.choice([0.1, 1, 40, 100])
        self.connection.sweep(self.now)
        if self.chance.random() < 0.1:
            self.connection.drain(self.now)

    def end(self) -> None:
        for _ in range(5):
            self.now += 31
            self.connection.sweep(self.now)
        self.connection._outflow.flush()


def call(chance: random.Random, encoder: Encoder, stream_id: int) -> list[bytes]:
    """The frames of one call, cut and padded in any way that is allowed."""
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", chance.choice([ECHO, HOLD, BIG, "/no/such"])),
        ("content-type", "application/grpc"),
        ("grpc-timeout", chance.choice(["20m", "1S", "x"])),
        ("traceparent", str(chance.random())),
    ]
    block = encoder.encode(fields, huffman=chance.random() < 0.5)
    body = prefixed(chance.randbytes(chance.randrange(60)))
    half, some = chance.randrange(len(block) + 1), chance.randrange(len(body) + 1)
    return [
        frame(frames.HEADERS, 0, stream_id, block[:half]),
        frame(frames.CONTINUATION, END_HEADERS, stream_id, block[half:]),
        frame(frames.DATA, 0, stream_id, body[:some]),
        frame(frames.DATA, END_STREAM, stream_id, body[some:]),
    ]


def other(chance: random.Random, stream_id: int) -> bytes:
    """A frame that is none of a call: some right, some not."""
    near = max(1, stream_id - 2 * chance.randrange(4))
    return chance.choice(
        [
            frames.window_update(chance.choice([0, near]), chance.choice([0, 1, 5, 65_535, 2**31 - 1])),
            frames.rst_stream(near, frames.CANCEL),
            frames.ping(b"farewell", chance.choice([0, frames.ACK])),
            frames.settings({chance.choice([1, 2, 4, 5, 9]): chance.choice([0, 1, 20, 70_000, 2**31 - 1])}),
            frame(frames.HEADERS, END_HEADERS | END_STREAM, near, b"\x88"),
            frame(chance.randrange(14), chance.randrange(256), near, chance.randbytes(chance.randrange(12))),
        ]
    )


def sequence(chance: random.Random) -> list[bytes]:
    """What one peer sends; an empty piece is a moment that passes."""
    encoder = Encoder()
    encoder.header_table_size = chance.choice([0, 4096])
    first_window = chance.choice([0, 5, 65_535])
    pieces = [frames.PREFACE + frames.settings({frames.INITIAL_WINDOW_SIZE: first_window})]
    pieces += [frames.SETTINGS_ACK] * chance.randrange(2)
    for n in range(chance.randint(1, 12)):
        pieces += call(chance, encoder, 2 * n + 1)
        pieces += [other(chance, 2 * n + 1)] * chance.randrange(2)
        pieces += [b""] * chance.randrange(2)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(pieces))
        pieces[at] = mutated(pieces[at], chance)
    return pieces


def mutated(piece: bytes, chance: random.Random) -> bytes:
    changed = bytearray(piece or b"\x00")
    at = chance.randrange(len(changed))
    match chance.randrange(4):
        case 0:
            changed[at] = chance.randrange(256)
        case 1:
            del changed[at : at + 5]
        case 2:
            changed[at:at] = chance.randbytes(3)
        case _:
            changed *= 2
    return bytes(changed)


def whole_frames(out: bytes) -> bool:
    at = 0
    while at < len(out):
        at += 9 + int.from_bytes(out[at : at + 3], "big")
    return at == len(out)


async def test_whatever_comes_a_connection_keeps_its_books() -> None:
    """It writes whole frames and nothing after its end, keeps no call for ever, gives back all of its window,
    and never fails by an error of its own."""
    with capture_logs() as said:
        for seed in range(SEQUENCES):
            chance = random.Random(seed)
            scene = Scene(chance)
            for piece in sequence(chance):
                if piece:
                    scene.feed(piece)
                else:
                    scene.pass_time()
            for done in scene.held:
                done(b"late")
            scene.end()
            calls = scene.connection._calls
            assert not calls._streams, seed
            assert not calls._abandoned, seed
            assert scene.wire.closing or calls._window + calls._consumed == 4 * 1_048_576, seed
            assert whole_frames(bytes(scene.wire.out)) or scene.wire.out.startswith(b"HTTP/1.1 505"), seed
            scene.connection.connection_lost(None)
    assert [line for line in said if line["log_level"] in ("error", "critical")] == []
