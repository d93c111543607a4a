"""A worker's way to Valkey, whose feed can be broken alone: ``python -m benchmarks.faults_cache_relay PORT``.

Prints the port on which it listens, then obeys a word a line. A connection that subscribes is a feed:

    freeze    what Valkey tells a feed is kept back; everything else passes
    half      Valkey's end of each feed is closed, the worker's stays open; no new one passes
    mend      everything passes; what was kept back is delivered

Stopped (SIGSTOP) it is a partition: connections stay open, and nothing comes through.
"""

import asyncio
import sys
from dataclasses import dataclass, field

PIECE_BYTES = 65_536


@dataclass(slots=True)
class Way:
    """One connection through us."""

    answer: asyncio.StreamWriter
    asked: asyncio.StreamWriter
    is_feed: bool = False
    is_half: bool = False


@dataclass(slots=True)
class Relay:
    port: int
    halves: bool = False
    passes: asyncio.Event = field(default_factory=asyncio.Event)
    ways: list[Way] = field(default_factory=list)

    async def serve(self, caller: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        try:
            store, asked = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            answer.close()
            return
        way = Way(answer, asked)
        self.ways.append(way)
        await asyncio.gather(self._ask(way, caller), self._tell(way, store))
        self.ways.remove(way)

    async def _ask(self, way: Way, caller: asyncio.StreamReader) -> None:
        try:
            while piece := await caller.read(PIECE_BYTES):
                if b"SUBSCRIBE" in piece:
                    way.is_feed = True
                    self._halve(way)
                if not way.is_half:
                    way.asked.write(piece)
                    await way.asked.drain()
        except ConnectionError:
            pass
        way.asked.close()
        way.answer.close()  # of one that is half open the worker had enough

    async def _tell(self, way: Way, store: asyncio.StreamReader) -> None:
        try:
            while piece := await store.read(PIECE_BYTES):
                if way.is_feed:
                    await self.passes.wait()
                if not way.is_half:
                    way.answer.write(piece)
                    await way.answer.drain()
        except ConnectionError:
            pass
        if not way.is_half:
            way.answer.close()

    def _halve(self, way: Way) -> None:
        if self.halves and way.is_feed:
            way.is_half = True
            way.asked.close()

    def obey(self, word: str) -> None:
        match word:
            case "freeze":
                self.passes.clear()
            case "half":
                self.halves = True
                for way in self.ways:
                    self._halve(way)
            case "mend":
                self.halves = False
                self.passes.set()


async def _run(port: int) -> None:
    relay = Relay(port)
    relay.passes.set()
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    words = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    while line := await words.readline():
        relay.obey(line.decode().strip())


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1])))
