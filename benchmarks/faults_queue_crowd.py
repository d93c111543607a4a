"""The crowd of one round: ``python -m benchmarks.faults_queue_crowd ORDERS_JSON``.

Visitors join at an even rate, ask again when they are told to, take their turn, stay a while and leave. They
reach the platform by the addresses of two machines and go to the other when one does not answer, with the
ticket that they have. What each is told goes into the log before the next question, one line a fact:

    J visitor number ns            joined, with that number
    S visitor number state ns      where he stands
    A visitor number pass ends ns  admitted; the pass's id, and its end in seconds
    L visitor number ns            is about to leave: from here on he may be inside no more
    R visitor slug ns              his ticket is refused
    U visitor ns                   nobody could tell him at the end where he stands
"""

import asyncio
import os
import random
import sys
import time
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

import msgspec
import uvloop

from benchmarks.faults_queue_http import Ways

RETRY_S = 0.4
STAY_S = 0.8
ASKED_TWICE = 0.3
"""Share of the admitted who claim once more, as a phone does that lost the answer."""
POLL_MAX_S = 2.5
"""Sooner than the room asks for: a round has no half minutes to wait."""
LAST_WORD_S = 10.0


class Orders(msgspec.Struct, frozen=True):
    addresses: list[tuple[str, int]]
    room: str
    file: str
    joins_per_second: float
    seconds: float
    drain_seconds: float
    seed: int
    first: int
    """Of the visitors' names: no two rounds have one in common."""


class Log:
    """Each line is in the file when ``note`` returns."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, *words: object) -> None:
        os.write(self._file, (" ".join(map(str, (*words, time.time_ns()))) + "\n").encode())


@dataclass(slots=True)
class Visitor:
    name: int
    room: str
    ways: Ways
    log: Log
    chance: random.Random
    ticket: str = ""
    number: int = 0
    until_s: float = 0.0

    async def go(self) -> None:
        """From the join to the leave, or until the round is over."""
        told = await self._join()
        while told is not None and told["state"] in ("waiting", "called"):
            if told["state"] == "waiting":
                await asyncio.sleep(
                    min(told["poll_after_ms"] / 1000, POLL_MAX_S, max(self.until_s - _now(), 0))
                )
                if _now() >= self.until_s:
                    break
            told = await self._ask("POST" if told["state"] == "called" else "GET", self.until_s)
            if told is not None and told["state"] == "expired":
                told = await self._back()
        if told is not None and told["state"] == "admitted":
            await self._stay()
        elif self.ticket:
            await self._last_word()

    async def _join(self) -> Any:
        """Who got no answer joins anew, as people do; what number nobody has been told nobody has."""
        while _now() < self.until_s:
            status, told = await self.ways.ask("POST", f"/v1/queues/{self.room}/tickets")
            if status == 200:
                self.ticket, self.number = told["ticket"], told["number"]
                self.log.note("J", self.name, self.number)
                return self._noted(told)
            await asyncio.sleep(RETRY_S)
        return None

    async def _ask(self, method: str, until_s: float) -> Any:
        """Ask where he stands, or claim; again until somebody answers or the time is over."""
        what = "claim" if method == "POST" else "ticket"
        while True:
            status, told = await self.ways.ask(method, f"/v1/queues/{self.room}/{what}", self.ticket)
            if status == 200:
                return self._noted(told)
            if 400 <= status < 500 and status != 429:
                self.log.note("R", self.name, str(told.get("type", status)).rpartition("/")[2])
                return None
            if _now() >= until_s:
                return None
            await asyncio.sleep(RETRY_S)

    async def _back(self) -> Any:
        """Who could not take his turn for the fault joins with his ticket: by rule it is called again."""
        while _now() < self.until_s:
            status, told = await self.ways.ask("POST", f"/v1/queues/{self.room}/tickets", self.ticket)
            if status == 200:
                return self._noted(told)
            await asyncio.sleep(RETRY_S)
        return None

    def _noted(self, told: Any) -> Any:
        if told["state"] == "admitted":
            claims = msgspec.json.decode(urlsafe_b64decode(told["pass"].split(".")[1] + "=="))
            self.log.note("A", self.name, told["number"], claims["jti"], claims["exp"])
        else:
            self.log.note("S", self.name, told["number"], told["state"])
        return told

    async def _stay(self) -> None:
        if self.chance.random() < ASKED_TWICE:
            await self._ask("POST", self.until_s)
        await asyncio.sleep(min(self.chance.expovariate(1 / STAY_S), 4 * STAY_S))
        self.log.note("L", self.name, self.number)
        while _now() < self.until_s + LAST_WORD_S:
            status, _ = await self.ways.ask("POST", f"/v1/queues/{self.room}/leave", self.ticket)
            if status == 200:
                return
            await asyncio.sleep(RETRY_S)

    async def _last_word(self) -> None:
        """Who still waits when the round is over asks once more: the place must be there."""
        if await self._ask("GET", self.until_s + LAST_WORD_S) is None:
            self.log.note("U", self.name)


def _now() -> float:
    return time.monotonic()


async def _crowd(orders: Orders) -> None:
    log, ways = Log(orders.file), Ways(orders.addresses)
    chance = random.Random(orders.seed)
    began_s = _now()
    until_s = began_s + orders.seconds + orders.drain_seconds
    print("ready", flush=True)
    async with asyncio.TaskGroup() as visitors:
        for n in range(round(orders.joins_per_second * orders.seconds)):
            await asyncio.sleep(max(began_s + n / orders.joins_per_second - _now(), 0))
            visitor = Visitor(orders.first + n, orders.room, ways, log, random.Random(chance.random()))
            visitor.until_s = until_s
            visitors.create_task(visitor.go())


def main(argv: list[str]) -> None:
    uvloop.run(_crowd(msgspec.json.decode(argv[0], type=Orders)))


if __name__ == "__main__":
    main(sys.argv[1:])
