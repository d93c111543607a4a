"""N worker processes behind one port: started, watched, started again, drained.

A worker is a program that reads what it is to do from its standard input up to the end, prints the line
``ready`` when it serves, and on SIGTERM finishes what it has in hand and exits.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import structlog

from sadd.supervisor.backoff import delays
from sadd.supervisor.child import Child, Program, spawn

log = structlog.get_logger("sadd.supervisor")

READY = b"ready"
LINE_MAX_BYTES = 4096
FAILED_STARTS_MAX = 5
SETTLED_SECONDS = 1.0  # a worker that dies sooner after its "ready" has not really started


class CrashLoop(Exception):
    """A worker failed to start too often in a row and no other serves: trying on would hide the cause."""


@dataclass(frozen=True, slots=True)
class Crew:
    """What to run and how many. `orders(slot)` is what that slot's worker finds on its standard input."""

    command: tuple[str, ...]
    orders: Callable[[int], bytes]
    workers: int
    ready_timeout_seconds: float = 90.0
    drain_timeout_seconds: float = 30.0


@dataclass(slots=True)
class Slot:
    """One place of the crew: workers come and go, the number stays."""

    number: int
    child: Child | None = None
    ready: bool = False
    failed_starts: int = 0  # in a row
    pauses_seconds: Iterator[float] = field(default_factory=delays)


class Supervisor:
    """Keeps a `Crew` at work until it is cancelled, then drains it."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self.slots = [Slot(number) for number in range(crew.workers)]
        self.all_ready = asyncio.Event()  # set once, when every slot serves for the first time

    async def run(self) -> None:
        """Until cancelled; then SIGTERM to all, SIGKILL to who outstays the drain. Raises `CrashLoop`."""
        keepers = [asyncio.create_task(self._keep(slot)) for slot in self.slots]
        try:
            await asyncio.wait(keepers, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancelled(keepers)
        for keeper in keepers:
            if not keeper.cancelled():
                keeper.result()

    async def _keep(self, slot: Slot) -> None:
        while True:
            try:
                settled, code = await self._live(slot)
            except OSError as error:  # no process, memory or descriptor to be had just now
                log.error("worker not started", slot=slot.number, reason=str(error))
                settled, code = False, error.errno or 1
            if settled:
                slot.failed_starts, slot.pauses_seconds = 0, delays()
            else:
                slot.failed_starts += 1
            self._give_up_on_a_crash_loop(slot, code)
            pause_seconds = next(slot.pauses_seconds)
            log.warning("worker died", slot=slot.number, code=code, restart_in_seconds=pause_seconds)
            await asyncio.sleep(pause_seconds)

    def _give_up_on_a_crash_loop(self, slot: Slot, code: int) -> None:
        # While another worker serves, a smaller crew is better for the callers than none.
        if slot.failed_starts >= FAILED_STARTS_MAX and not any(other.ready for other in self.slots):
            raise CrashLoop(
                f"worker {slot.number} failed to start {slot.failed_starts} times in a row, "
                f"last with exit code {code}, and no other worker serves"
            )

    async def _live(self, slot: Slot) -> tuple[bool, int]:
        """One worker from its start to its end: did it settle, and its exit code."""
        voice = Voice()
        child = slot.child = await self._start(slot.number, voice)
        ready_at: float | None = None
        loop = asyncio.get_running_loop()
        try:
            if await self._becomes_ready(child, voice):
                ready_at, slot.ready = loop.time(), True
                self._announce(slot)
                await child.wait()
        finally:
            slot.ready = False
            await child.stop(self._crew.drain_timeout_seconds)
            voice.close()
        return ready_at is not None and loop.time() - ready_at >= SETTLED_SECONDS, await child.wait()

    async def _start(self, number: int, voice: "Voice") -> Child:
        program = Program(f"worker {number}", self._crew.command)
        reading, writing = os.pipe()
        try:
            # In memory, because the orders hold the stores' passwords; and no pipe, which could fill up.
            with os.fdopen(os.memfd_create("orders"), "w+b") as orders:
                orders.write(self._crew.orders(number))
                orders.seek(0)
                await voice.listen(reading)
                return await spawn(program, stdin=orders, stdout=writing)
        except OSError:
            voice.close()
            raise
        finally:
            os.close(writing)

    async def _becomes_ready(self, child: Child, voice: "Voice") -> bool:
        ready, dead = asyncio.create_task(voice.ready.wait()), asyncio.create_task(child.wait())
        timeout_seconds = self._crew.ready_timeout_seconds
        try:
            await asyncio.wait((ready, dead), timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            dead.cancel()
        if not voice.ready.is_set() and child.alive:
            log.error("worker not ready in time, stopped", pid=child.pid, seconds=timeout_seconds)
        return voice.ready.is_set()

    def _announce(self, slot: Slot) -> None:
        log.info("worker ready", slot=slot.number, pid=slot.child.pid if slot.child else None)
        if all(each.ready for each in self.slots):
            self.all_ready.set()


class Voice(asyncio.Protocol):
    """A worker's standard output: the line ``ready``, and what it should rather have logged."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self._rest = b""
        self._transport: asyncio.BaseTransport | None = None

    async def listen(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        source = os.fdopen(descriptor, "rb", buffering=0)
        self._transport, _ = await loop.connect_read_pipe(lambda: self, source)

    def data_received(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-LINE_MAX_BYTES:]
        for line in lines:
            if line == READY:
                self.ready.set()
            else:
                log.info("worker printed", line=line.decode(errors="replace"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _cancelled(tasks: list["asyncio.Task[None]"]) -> None:
    """Cancel them and wait for their end. If we are cancelled meanwhile, they are told a second time."""
    for task in tasks:
        task.cancel()
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        raise
