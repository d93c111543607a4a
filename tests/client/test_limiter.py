"""Limiters before a real platform: what they spend was granted, and what they do not spend goes back."""

import asyncio
import json
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sadd_client import AsyncClient, Client
from tests.client.catalogue import COPIES_A_DAY, DEEP, DEEP_BURST, NARROW, WIDE
from tests.client.conftest import Open
from tests.client.doors import KEY
from tests.e2e.platform import Platform
from tests.waiting import eventually, eventually_sync


def spend(client: Client, policy: str, caller: str, times: int) -> int:
    limiter = client.limiter(policy)
    return sum(limiter.allow(caller) for _ in range(times))


async def async_spend(client: AsyncClient, policy: str, caller: str, times: int) -> int:
    limiter = client.limiter(policy)
    return sum([await limiter.allow(caller) for _ in range(times)])


def spender(client: Client | AsyncClient) -> Callable[..., int]:
    return spend if isinstance(client, Client) else async_spend  # type: ignore[return-value]  # a door awaits it


def used(running: Platform, key: str, caller: str) -> int:
    """What the platform counts as used of DEEP, which nobody else uses."""
    with Client(running.url, key=key, on_loss="closed") as client:
        remaining = client.check(DEEP, caller, 0).remaining
        assert remaining is not None
        return DEEP_BURST - remaining


def test_a_busy_key_is_decided_here(door: Open, running: Platform, key: str, caller: str) -> None:
    """Twenty thousand decisions need some dozens of calls."""
    opened = door(running.url, key=key)
    assert opened.do(lambda client: spender(client)(client, WIDE, caller, 20_000)) == 20_000

    stats = opened.client.limiter(WIDE).stats()
    assert stats.spent + stats.checked == 20_000
    assert stats.checked < 200


def test_what_is_unused_goes_back(door: Open, running: Platform, key: str, caller: str) -> None:
    """After closing the platform counts as used what was admitted, and nothing else."""
    opened = door(running.url, key=key)
    began = time.monotonic()
    admitted = opened.do(lambda client: spender(client)(client, DEEP, caller, 300))
    limiter = opened.client.limiter(DEEP)
    assert limiter.stats().outstanding > 0
    opened.close()
    seconds = time.monotonic() - began

    stats = limiter.stats()
    assert stats.granted == stats.spent + stats.returned
    assert admitted == 300
    assert 300 - seconds - 2 <= used(running, key, caller) <= 300


def test_never_more_than_the_limit(door: Open, running: Platform, key: str, caller: str) -> None:
    """Whoever asks for three times the quota gets all of it, and not a unit more."""
    opened = door(running.url, key=key)
    began = time.monotonic()
    admitted = opened.do(lambda client: spender(client)(client, DEEP, caller, 3 * DEEP_BURST))
    seconds = time.monotonic() - began

    assert DEEP_BURST <= admitted <= DEEP_BURST + seconds + 1
    stats = opened.client.limiter(DEEP).stats()
    assert stats.refused_here > DEEP_BURST, "who is refused is refused here until the wait is over"


def test_leases_are_of_all_limits_that_hold(door: Open, running: Platform, key: str, caller: str) -> None:
    """A rule that a route and a descriptor meet is no less kept because decisions are made here."""
    opened = door(running.url, key=key)
    words = {"route": "/pdf/1", "descriptors": {"citizen": caller}}
    limiter = opened.client.limiter(DEEP, **words)
    allowed = [opened.do(lambda _: limiter.allow(caller)) for _ in range(60)]

    assert sum(allowed) == COPIES_A_DAY
    assert opened.client.limiter(DEEP, **words)._holder is limiter._holder


def test_many_threads_spend_one_lease_once(running: Platform, key: str, caller: str) -> None:
    """Eight threads and one key: together as much as one would get."""
    admitted = [0] * 8
    began = time.monotonic()
    with Client(running.url, key=key, on_loss="closed") as client:

        def work(number: int) -> None:
            admitted[number] = spend(client, DEEP, caller, DEEP_BURST // 4)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert DEEP_BURST <= sum(admitted) <= DEEP_BURST + time.monotonic() - began + 1


async def test_many_tasks_wait_for_one_lease(running: Platform, key: str, caller: str) -> None:
    """A hundred tasks and one key: one call brings what all of them need."""
    async with AsyncClient(running.url, key=key, on_loss="closed") as client:
        admitted = await asyncio.gather(*(async_spend(client, WIDE, caller, 500) for _ in range(100)))
        stats = client.limiter(WIDE).stats()
    assert sum(admitted) == 50_000
    assert stats.checked < 300


def test_a_quiet_key_is_asked_for(door: Open, running: Platform, key: str, caller: str) -> None:
    """Its every decision is the platform's, exact, and no quota lies idle."""
    opened = door(running.url, key=key)
    limiter = opened.client.limiter(NARROW)
    decisions = [opened.do(lambda _: limiter.decide(caller)) for _ in range(10)]

    assert {decision.decided_by for decision in decisions} == {"platform"}
    assert limiter.stats().granted == 0


def test_a_refusal_says_when_to_come_again(door: Open, running: Platform, key: str, caller: str) -> None:
    """From memory too, with the wait that is left; whoever waits so long passes."""
    opened = door(running.url, key=key)
    limiter = opened.client.limiter(NARROW, lease_tokens_max=0)
    opened.do(lambda _: limiter.decide(caller, 20))
    first, second = (opened.do(lambda _: limiter.decide(caller)) for _ in range(2))

    assert (first.decided_by, second.decided_by) == ("platform", "memory")
    assert 0 < second.retry_after_ms <= first.retry_after_ms


async def test_an_idle_lease_goes_back(running: Platform, key: str, caller: str) -> None:
    """Nobody calls any more, and the quota is free again long before the lease would end."""
    async with AsyncClient(running.url, key=key, on_loss="closed") as client:
        await async_spend(client, DEEP, caller, 300)
        limiter = client.limiter(DEEP)
        assert limiter.stats().outstanding > 0
        await eventually(lambda: limiter.stats().outstanding == 0)
        stats = limiter.stats()
        assert stats.granted == stats.spent + stats.returned
        assert await async_spend(client, DEEP, caller, 10) == 10, "and it goes on"


FORKS = """
import json, os, sys
from sadd_client import Client

url, key, policy, caller = sys.argv[1:]
client = Client(url, key=key, on_loss="closed")
limiter = client.limiter(policy)
admitted = sum(limiter.allow(caller) for _ in range(300))
held = limiter.stats().outstanding
told, tell = os.pipe()
if os.fork() == 0:
    inherited = limiter.stats().outstanding
    own = sum(limiter.allow(caller) for _ in range(300))
    client.close()
    os.write(tell, json.dumps([inherited, own]).encode())
    os._exit(0)
os.wait()
admitted += sum(limiter.allow(caller) for _ in range(300))
client.close()
print(json.dumps([held, *json.loads(os.read(told, 100)), admitted]))
"""


def test_a_forked_child_spends_nothing_of_its_parents(running: Platform, key: str, caller: str) -> None:
    """Both would else spend the same lease. The platform counts what both admitted."""
    command = [sys.executable, "-c", FORKS, running.url, key, DEEP, caller]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    held, inherited, by_child, by_parent = json.loads(done.stdout)

    assert held > 0
    assert (inherited, by_child, by_parent) == (0, 300, 600)
    assert 900 - (time.monotonic() - began) - 2 <= used(running, key, caller) <= 900


def test_after_its_end_a_limiter_decides_nothing(door: Open) -> None:
    """A lease taken then would never go back."""
    opened = door("http://127.0.0.1:1", key=KEY)
    limiter = opened.client.limiter("p")
    opened.do(lambda _: limiter.close())
    with pytest.raises(RuntimeError):
        opened.do(lambda _: limiter.allow("k"))
    assert opened.do(lambda _: limiter.guard("k")).decided_by == "closed", "a door stays one"
    assert opened.client.limiter("p")._holder is not limiter._holder, "whoever asks again gets a new one"


def test_the_same_words_are_the_same_limiter(door: Open) -> None:
    """Leases of a key are held once, however often a handler asks for its limiter."""
    client = door("http://127.0.0.1:1", key=KEY).client
    assert client.limiter("p")._holder is client.limiter("p")._holder
    for number in range(999):
        client.limiter(f"p{number}")
    with pytest.raises(ValueError, match="limiters already"):
        client.limiter("one too many")


SPENDS = """
import asyncio, mmap, struct, sys
from pathlib import Path
from sadd_client import AsyncClient

url, key, policy, caller, file = sys.argv[1:]


async def main():
    with Path(file).open("r+b") as opened, mmap.mmap(opened.fileno(), 8) as told:
        async with AsyncClient(url, key=key, on_loss="closed") as client:
            limiter, admitted, refused = client.limiter(policy), 0, 0
            while refused < 50:
                if await limiter.allow(caller, 5):
                    admitted += 5
                    told[:] = struct.pack("q", admitted)
                else:
                    refused += 1
                await client.check(policy, "another", 0)  # some time between two decisions


asyncio.run(main())
"""


@pytest.mark.timeout(60)
def test_a_killed_holder_takes_only_its_lease_along(
    running: Platform, key: str, caller: str, tmp_path: Path
) -> None:
    """Three processes spend one key's quota, one is killed, and a worker too: never more than the limit."""
    files = [tmp_path / str(number) for number in range(3)]
    for file in files:
        file.write_bytes(bytes(8))

    def admitted() -> list[int]:
        return [struct.unpack("q", file.read_bytes())[0] for file in files]

    began = time.monotonic()
    words = [sys.executable, "-c", SPENDS, running.url, key, DEEP, caller]
    holders = [subprocess.Popen([*words, str(file)]) for file in files]
    eventually_sync(lambda: min(admitted()) > 100)
    holders[0].kill()
    running.workers()[0].kill()
    assert [holder.wait(30) for holder in holders] == [-signal.SIGKILL, 0, 0]
    seconds = time.monotonic() - began

    assert sum(admitted()) <= DEEP_BURST + seconds + 1
    assert sum(admitted()) > DEEP_BURST / 2, "the others went on"
    eventually_sync(lambda: len(running.workers()) == 2 and running.status("/readyz") == 200)
