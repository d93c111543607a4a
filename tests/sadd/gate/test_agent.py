"""The agent's connections: many questions at once, each with its own reply; and what ends one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from ratelimit.decision import Decision
from sadd.gate import agent, spop
from sadd.gate.agent import Agents
from sadd.gate.gate import Done
from sadd.gate.knock import Knock
from sadd.gate.reply import Reply
from sadd.web.serving import listen
from tests.sadd.gate import haproxy
from tests.sadd.gate.scene import ADMITTED, POLICY, REFUSED, OneSession, ScriptedDesk, gate
from tests.sadd.web.served import LOCAL
from tests.waiting import eventually

LOOPBACK = "127.0.0.1/32"


class Line:
    """A HAProxy's connection to the agent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    async def frame(self) -> spop.Frame | None:
        async with asyncio.timeout(30):
            return await haproxy.read_frame(self.reader)

    async def greeted(self) -> None:
        self.send(haproxy.hello())
        frame = await self.frame()
        assert frame is not None
        assert frame.kind == spop.AGENT_HELLO
        assert spop.pairs(frame.payload) == {
            "version": "2.0",
            "max-frame-size": 16380,
            "capabilities": "pipelining",
        }

    async def acked(self) -> tuple[int, dict[str, spop.Value]]:
        frame = await self.frame()
        assert frame is not None
        assert frame.kind == spop.ACK
        return frame.stream, haproxy.variables(frame.payload)

    async def ended(self) -> dict[str, spop.Value]:
        """What the agent says before it closes; empty if nothing."""
        said = await self.frame()
        if said is None:
            return {}
        assert said.kind == spop.AGENT_DISCONNECT
        assert await self.frame() is None
        return spop.pairs(said.payload)


@asynccontextmanager
async def line(desk: ScriptedDesk, ranges: str = LOOPBACK) -> AsyncIterator[tuple[Line, Agents]]:
    agents = Agents(gate(desk, OneSession(), trusted_proxies=ranges), "X-Forwarded-For")
    async with serving(agents) as own:
        yield own, agents


@asynccontextmanager
async def serving(agents: Agents) -> AsyncIterator[Line]:
    listener = listen(replace(LOCAL, port=0))
    port = listener.getsockname()[1]
    task = asyncio.create_task(agents.serve(listener))
    reader, writer = await eventually(lambda: asyncio.open_connection("127.0.0.1", port))
    try:
        yield Line(reader, writer)
    finally:
        task.cancel()
        await asyncio.wait([task])
        writer.close()


ASKED = {"service": POLICY.id, "ip": "203.0.113.7", "uri": "/results?id=7", "method": "PUT"}


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (
            ADMITTED,
            {
                "status": 200,
                "x_sadd_subject": "",
                "ratelimit": '"moehe-results";r=12;t=3',
                "ratelimit_policy": '"moehe-results";q=60;w=60',
            },
        ),
        (
            REFUSED,
            {
                "status": 429,
                "x_sadd_subject": "",
                "retry_after": "2",
                "ratelimit": '"moehe-results";r=0;t=2',
                "ratelimit_policy": '"moehe-results";q=60;w=60',
            },
        ),
    ],
)
async def test_a_reply_is_variables(decision: Decision, expected: dict[str, object]) -> None:
    """The same reply as over HTTP, each field a variable of HAProxy's transaction."""
    desk = ScriptedDesk(decision)
    async with line(desk) as (own, _):
        await own.greeted()
        own.send(haproxy.notify(7, **ASKED))
        assert await own.acked() == (7, expected)
    assert (desk.asked[0].route, desk.asked[0].caller()) == ("/results", "203.0.113.7")


async def test_arguments_are_header_fields() -> None:
    """A session's cookie says who it is, and a rule may look at any field that the configuration sends."""
    desk = ScriptedDesk()
    shown: dict[str, spop.Value] = {"cookie": "sadd_session=s-7", "x-device": "d1", "accept": None}
    async with line(desk) as (own, _):
        await own.greeted()
        own.send(haproxy.notify(7, **ASKED, **shown))
        assert (await own.acked())[1]["x_sadd_subject"] == "28012345678"
    assert desk.asked[0].descriptors["header:x-device"] == "d1"
    assert desk.asked[0].caller() == "28012345678"


async def test_bytes_come_as_they_like() -> None:
    """A connection cut at every byte says the same as one in a piece."""
    async with line(ScriptedDesk()) as (own, _):
        for byte in haproxy.hello() + haproxy.notify(300, **ASKED) + haproxy.notify(301, **ASKED):
            own.send(bytes((byte,)))
            await own.writer.drain()
            await asyncio.sleep(0)
        frame = await own.frame()
        assert frame is not None
        assert {(await own.acked())[0], (await own.acked())[0]} == {300, 301}


async def test_many_at_once() -> None:
    """More questions than may wait are read once there is room; each gets its reply."""
    waiting: list[Done] = []

    class Slow:
        def trusts(self, peer: str) -> bool:
            return True

        def ask(self, knock: Knock, done: Done) -> None:
            waiting.append(done)

    agents = Agents(Slow(), "X-Forwarded-For")  # type: ignore[arg-type]  # a gate that does not answer yet
    count = agent.IN_FLIGHT_MAX + 1000
    async with serving(agents) as own:
        await own.greeted()
        own.send(*(haproxy.notify(stream, **ASKED) for stream in range(count)))
        await eventually(lambda: len(waiting) >= agent.IN_FLIGHT_MAX)
        said = Reply(200, {"X-Sadd-Subject": ""})
        replied: set[int] = set()
        while len(replied) < count:
            while waiting:
                waiting.pop()(said)
            replied.add((await own.acked())[0])
    assert replied == set(range(count))


async def test_a_health_check() -> None:
    """HAProxy's spop-check: a greeting, and the end."""
    async with line(ScriptedDesk()) as (own, agents):
        own.send(haproxy.hello(healthcheck=True))
        frame = await own.frame()
        assert frame is not None
        assert frame.kind == spop.AGENT_HELLO
        assert await own.frame() is None
        assert agents.stats().ended == {"foreign": 0, "malformed": 0, "bye": 0}


async def test_a_peer_that_is_no_proxy_of_ours() -> None:
    """It is cut off before it has said anything."""
    async with line(ScriptedDesk(), ranges="10.0.0.0/8") as (own, agents):
        assert await own.ended() == {}
        assert agents.stats().ended["foreign"] == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ([b"GET / HTTP/1.1\r\n\r\n"], spop.INVALID),
        ([haproxy.hello(supported_versions="1.0")], spop.NO_VERSION),
        ([haproxy.hello(max_frame_size=10)], spop.BAD_SIZE),
        ([haproxy.notify(1, **ASKED)], spop.INVALID),
        ([spop.LENGTH.pack(2**31)], spop.INVALID),
        ([haproxy.framed(77, b"")], spop.INVALID),
        ([haproxy.framed(spop.DISCONNECT, b"")], spop.NORMAL),
    ],
)
async def test_what_ends_a_connection(sent: list[bytes], status: int) -> None:
    """It is told why, and nothing is asked."""
    desk = ScriptedDesk()
    async with line(desk) as (own, agents):
        own.send(*sent)
        assert (await own.ended())["status-code"] == status
        await eventually(lambda: agents.stats().connections == 0)
    assert desk.asked == []


async def test_a_question_that_cannot_be_decided() -> None:
    """A fault of ours is that one's 500, and the connection's other questions are answered."""

    class Faulty(ScriptedDesk):
        def ask(self, agency: object, asked: object, done: object) -> None:
            raise RuntimeError

    async with line(Faulty()) as (own, _):
        await own.greeted()
        own.send(haproxy.notify(1, **ASKED), haproxy.notify(2, service="nobodys"))
        assert [(await own.acked())[1]["status"] for _ in range(2)] == [500, 500]


async def test_the_agent_says_when_it_ends() -> None:
    """HAProxy learns at once, and goes on without."""
    agents = Agents(gate(ScriptedDesk(), OneSession(), trusted_proxies=LOOPBACK), "X-Forwarded-For")
    async with serving(agents) as own:
        await own.greeted()
    assert (await own.ended())["status-code"] == spop.NORMAL
