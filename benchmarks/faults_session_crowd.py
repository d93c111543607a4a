"""One worker of the campaign of sessions: ``python -m benchmarks.faults_session_crowd ORDERS_JSON``.

People sign in, look, change what is kept, get new ids, sign out. A line is in the file before the next
question is asked; its last two numbers are the times, in ns, just before the question and just after the
answer. The clock is the machine's, so that the files of several workers can be read as one:

    C name class id ..    signed in
    B name deed value ..  is about to change, turn or leave: from here on its outcome may be in doubt
    W name value ..       the change is acknowledged
    T name id ..          the session has another id, acknowledged
    E name ..             signed out, acknowledged
    G name value ..       a look found that value
    X name ..             a look found no session
    D name ..             an id that was rotated away could still change it
    U name ..             nobody could look, long after the fault
    A name ..             a store was away
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import uvloop

from benchmarks.faults_session_verdict import Life, read
from sadd.postgres.pool import AWAY, open_pool
from sadd.sealing import Sealer, SealKey
from sadd.session.ids import Ids
from sadd.session.policy import HOUR_MS, SessionPolicy
from sadd.session.postgres import PostgresLedger
from sadd.session.sessions import Sessions, UnknownSession
from sadd.session.store import StoreUnavailable, VersionConflict
from sadd.session.valkey import ValkeyStore
from sadd.valkey.topology import open_client

AGENCY, SERVICE = "moehe", "moehe-secondary-results"
POLICIES = {
    "hot": SessionPolicy(HOUR_MS, 8 * HOUR_MS),
    "durable": SessionPolicy(HOUR_MS, 8 * HOUR_MS, durable=True),
}
PAUSE_S = 0.02
DEEDS_MAX = 40
LEAVES = 0.6
EVERYWHERE = 0.3
RETRY_S = 0.1
LOOKS_AFTER = 3
LAST_LOOK_S = 30.0
LOOKING = 32


class Orders(msgspec.Struct, frozen=True):
    """``audits``: only look at everything that these files tell of, and end."""

    store_url: str
    database_url: str
    file: str
    number: int
    people: int
    seed: int
    pepper: bytes
    seal: bytes
    audits: list[str] = []


class Log:
    """Each line is in the file when ``note`` returns."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, kind: str, name: str, *words: object, asked_ns: int) -> None:
        line = " ".join(map(str, (kind, name, *words, asked_ns, time.time_ns())))
        os.write(self._file, (line + "\n").encode())


@dataclass(slots=True)
class Person:
    """One session from sign-in to sign-out, by one caller who asks one thing after the other."""

    name: str
    sessions: Sessions
    log: Log
    chance: random.Random
    session_id: str = ""
    value: int = 0

    async def go(self) -> None:
        kind = self.chance.choice(list(POLICIES))
        asked_ns = time.time_ns()
        try:
            self.session_id, _ = await self.sessions.create(
                AGENCY, SERVICE, self.name, POLICIES[kind], {"n": 0}
            )
        except StoreUnavailable:
            await self._away(asked_ns)
            return
        self.log.note("C", self.name, kind, self.session_id, asked_ns=asked_ns)
        for _ in range(self.chance.randint(1, DEEDS_MAX)):
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) * PAUSE_S)
            (deed,) = self.chance.choices((self._look, self._change, self._turn), (6, 4, 1))
            if not await deed():
                return
        if self.chance.random() < LEAVES:
            await self._leave()

    async def _look(self) -> bool:
        """False: there is nothing to go on with."""
        asked_ns = time.time_ns()
        try:
            found = await self.sessions.touch(AGENCY, self.session_id)
        except StoreUnavailable:
            await self._away(asked_ns)
        except UnknownSession:
            self.log.note("X", self.name, asked_ns=asked_ns)
            return False
        else:
            self.log.note("G", self.name, msgspec.json.decode(found.payload)["n"], asked_ns=asked_ns)
        return True

    async def _change(self) -> bool:
        self.value += 1
        asked_ns = self._about_to("change")
        try:
            await self.sessions.patch(AGENCY, self.session_id, None, {"n": self.value})
        except (StoreUnavailable, VersionConflict):
            await self._away(asked_ns)
        except UnknownSession:
            self.log.note("X", self.name, asked_ns=asked_ns)
            return False
        else:
            self.log.note("W", self.name, self.value, asked_ns=asked_ns)
        return True

    async def _turn(self) -> bool:
        asked_ns, old = self._about_to("turn"), self.session_id
        try:
            self.session_id, _ = await self.sessions.rotate(AGENCY, old)
        except (StoreUnavailable, VersionConflict):
            await self._away(asked_ns)
            return False  # which id holds now is not known to us
        except UnknownSession:
            self.log.note("X", self.name, asked_ns=asked_ns)
            return False
        self.log.note("T", self.name, self.session_id, asked_ns=asked_ns)
        await self._try_old(old)
        return True

    async def _try_old(self, old: str) -> None:
        asked_ns = time.time_ns()
        try:
            await self.sessions.patch(AGENCY, old, None, {"thief": 1})
        except (StoreUnavailable, UnknownSession, VersionConflict):
            return
        self.log.note("D", self.name, asked_ns=asked_ns)

    async def _leave(self) -> None:
        asked_ns, tried = self._about_to("leave"), False
        everywhere = self.chance.random() < EVERYWHERE
        while True:
            try:
                if everywhere:
                    await self.sessions.revoke_all(AGENCY, self.name)
                else:
                    await self.sessions.revoke(AGENCY, self.session_id)
                break
            except StoreUnavailable:
                tried = True
                await self._away(asked_ns)
            except UnknownSession:
                if not tried:
                    self.log.note("X", self.name, asked_ns=asked_ns)
                    return
                break  # the try before was heard
        self.log.note("E", self.name, asked_ns=asked_ns)
        for _ in range(LOOKS_AFTER):
            await asyncio.sleep(self.chance.expovariate(1.0))
            await self._look()

    def _about_to(self, deed: str) -> int:
        asked_ns = time.time_ns()
        self.log.note("B", self.name, deed, self.value, asked_ns=asked_ns)
        return asked_ns

    async def _away(self, asked_ns: int) -> None:
        self.log.note("A", self.name, asked_ns=asked_ns)
        await asyncio.sleep(RETRY_S)

    async def last_look(self) -> None:
        """Again and again until somebody says something."""
        until = time.monotonic() + LAST_LOOK_S
        while time.monotonic() < until:
            asked_ns = time.time_ns()
            try:
                found = await self.sessions.get(AGENCY, self.session_id)
            except StoreUnavailable:
                await asyncio.sleep(RETRY_S)
                continue
            except UnknownSession:
                self.log.note("X", self.name, asked_ns=asked_ns)
                return
            self.log.note("G", self.name, msgspec.json.decode(found.payload)["n"], asked_ns=asked_ns)
            return
        self.log.note("U", self.name, asked_ns=time.time_ns())


@asynccontextmanager
async def _opened(orders: Orders) -> AsyncIterator[Sessions]:
    client = await open_client(orders.store_url, deadline_ms=1_000, max_in_flight=20_000)
    pool = await open_pool(orders.database_url, pool_max=4, deadline_seconds=2.0)
    sessions = Sessions(
        ValkeyStore(client),
        Ids(orders.pepper),
        Sealer([SealKey("0000000a", orders.seal)]),
        PostgresLedger(pool, AWAY),
    )
    working = asyncio.create_task(sessions.work())
    try:
        yield sessions
    finally:
        working.cancel()
        await asyncio.wait([working])
        await client.aclose()
        await pool.close()


async def _crowd(orders: Orders) -> None:
    """Until it is killed: as soon as somebody has gone the next comes."""
    log = Log(orders.file)
    async with _opened(orders) as sessions, asyncio.TaskGroup() as group:
        print("ready", flush=True)
        for place in range(orders.people):
            group.create_task(_line(orders, place, sessions, log))


async def _line(orders: Orders, place: int, sessions: Sessions, log: Log) -> None:
    turn = 0
    while True:
        name = f"{orders.number}-{place}-{turn}"
        await Person(name, sessions, log, random.Random(f"{orders.seed} {name}")).go()
        turn += 1


async def _audit(orders: Orders) -> None:
    """The session of everybody whose id is known."""
    log, lives = Log(orders.file), iter(read(orders.audits).items())

    async def look(sessions: Sessions) -> None:
        for name, life in lives:
            if _is_known(life):
                await Person(name, sessions, log, random.Random(name), life.session_id).last_look()

    async with _opened(orders) as sessions:
        await asyncio.gather(*(look(sessions) for _ in range(LOOKING)))


def _is_known(life: Life) -> bool:
    found = not life.looks or life.looks[-1].value is not None
    return bool(life.session_id) and life.turning_ns is None and found


def main(argv: list[str]) -> None:
    orders = msgspec.json.decode(argv[0], type=Orders)
    uvloop.run(_audit(orders) if orders.audits else _crowd(orders))


if __name__ == "__main__":
    main(sys.argv[1:])
