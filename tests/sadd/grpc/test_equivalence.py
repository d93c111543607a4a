"""The same calls to our server and to gRPC's own: a client cannot tell them apart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from tests.sadd.grpc.conftest import FAIL, HOLD, LONG, REFUSE, serving
from tests.sadd.grpc.peer import ECHO
from tests.waiting import eventually

Ended = tuple[grpc.StatusCode, bytes | None]


@asynccontextmanager
async def reference() -> AsyncIterator[int]:
    """A server of grpc.aio with the methods of the scene."""
    server = grpc.aio.server()

    async def echo(message: bytes, _: grpc.aio.ServicerContext) -> bytes:
        return message

    async def hold(_message: bytes, _: grpc.aio.ServicerContext) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    async def fail(_message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        await context.abort(grpc.StatusCode.INTERNAL, "the method failed")
        raise AssertionError

    async def refuse(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        await context.abort(grpc.StatusCode.UNAVAILABLE, message.decode())
        raise AssertionError

    async def long(message: bytes, _: grpc.aio.ServicerContext) -> bytes:
        return message * 1000

    handlers = {"Say": echo, "Hold": hold, "Fail": fail, "Refuse": refuse, "Long": long}
    methods = {name: grpc.unary_unary_rpc_method_handler(handler) for name, handler in handlers.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tests.Echo", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


async def ended(
    port: int,
    path: str,
    message: bytes,
    seconds: float | None = None,
    options: tuple[tuple[str, int], ...] = (),
) -> tuple[grpc.StatusCode, str | None, bytes | None]:
    """How a call ends: its code, its word, its message."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        try:
            answer = await channel.unary_unary(path)(
                message, timeout=seconds, metadata=(("x-a", "ب".encode().hex()),)
            )
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details(), None
        return grpc.StatusCode.OK, None, bytes(answer)


SAME = [
    (ECHO, b"hello"),
    (ECHO, b""),
    (ECHO, b"x" * 70_000),
    (LONG, b"x" * 900),
    (FAIL, b""),
    (REFUSE, "مغلق 100%\n".encode()),
    (REFUSE, b"plain"),
]


async def test_calls_end_alike() -> None:
    """Code, word and message, of short and long, failed and refused calls."""
    async with serving() as ours, reference() as theirs:
        for path, message in SAME:
            assert await ended(ours.port, path, message) == await ended(theirs, path, message)


async def test_unknown_methods_end_alike() -> None:
    """UNIMPLEMENTED."""
    async with serving() as ours, reference() as theirs:
        codes = {(await ended(port, "/no.Such/Method", b""))[0] for port in (ours.port, theirs)}
    assert codes == {grpc.StatusCode.UNIMPLEMENTED}


async def test_deadlines_end_alike() -> None:
    """DEADLINE_EXCEEDED, and the server is well afterwards."""
    async with serving() as ours, reference() as theirs:
        codes = {(await ended(port, HOLD, b"", 0.05))[0] for port in (ours.port, theirs)}
        assert (await ended(ours.port, ECHO, b"next"))[2] == b"next"
    assert codes == {grpc.StatusCode.DEADLINE_EXCEEDED}


async def test_large_messages_end_alike() -> None:
    """RESOURCE_EXHAUSTED for a message beyond the server's bound (theirs is 4 MiB, ours 1)."""
    async with serving() as ours, reference() as theirs:
        codes = {(await ended(port, ECHO, b"x" * 5_000_000))[0] for port in (ours.port, theirs)}
    assert codes == {grpc.StatusCode.RESOURCE_EXHAUSTED}


async def test_compressed_messages_are_refused() -> None:
    """A client that compresses is told that we do not: UNIMPLEMENTED."""
    async with serving() as ours:
        address = f"127.0.0.1:{ours.port}"
        async with grpc.aio.insecure_channel(address, compression=grpc.Compression.Gzip) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary(ECHO)(b"x" * 1000)
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_small_windows_of_a_real_client() -> None:
    """A client that takes little at a time gets the whole answer."""
    options = (("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0))
    async with serving() as ours:
        assert (await ended(ours.port, LONG, b"x" * 900, None, options))[2] == b"x" * 900_000


async def test_many_calls_of_one_client() -> None:
    """Hundreds at once on one connection, some given up, are all answered rightly."""
    async with serving() as ours, grpc.aio.insecure_channel(f"127.0.0.1:{ours.port}") as channel:
        say, hold = channel.unary_unary(ECHO), channel.unary_unary(HOLD)
        given_up = [hold(b"x") for _ in range(50)]
        calls = [say(b"%d" % n) for n in range(900)]
        await eventually(lambda: len(ours.held) == len(given_up))
        for call in given_up:
            call.cancel()
        answers = await asyncio.gather(*calls)
        await eventually(lambda: ours.ended(HOLD)[1] == len(given_up))
        for _, done in ours.held:
            done(b"too late")
        assert await say(b"next") == b"next"

    assert answers == [b"%d" % n for n in range(900)]
