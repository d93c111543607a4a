"""Workers behind one port: they come back, they drain, they do not outlive their supervisor."""

import asyncio
import errno
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sadd.supervisor.port import reserve_port
from sadd.supervisor.workers import FAILED_STARTS_MAX, CrashLoop, Crew, Slot, Supervisor
from tests.sadd.supervisor.supervising import WORKER
from tests.waiting import eventually


@contextmanager
def supervising(
    workers: int = 2, drain_seconds: float = 5.0, loop: str = "asyncio", **orders: object
) -> Iterator[subprocess.Popen[str]]:
    words = [json.dumps(orders), str(workers), str(drain_seconds), loop]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sadd.supervisor.supervising", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def port_of(supervisor: "subprocess.Popen[str]") -> int:
    assert supervisor.stdout is not None
    return int(supervisor.stdout.readline())


def ask(port: int) -> int:
    """The pid of the worker that answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        return int(connection.makefile().read())


def answering(port: int, workers: int) -> set[int]:
    """The pids of all workers, once so many answer."""
    pids = {ask(port) for _ in range(20)}
    return pids if len(pids) == workers else set()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_workers_share_the_port_and_a_killed_one_is_replaced(loop: str) -> None:
    """kill -9 of one: the other serves on, and a new one joins it."""
    with supervising(loop=loop) as supervisor:
        port = port_of(supervisor)
        first = await eventually(lambda: answering(port, 2))
        victim, survivor = sorted(first)
        os.kill(victim, signal.SIGKILL)
        await eventually(lambda: ask(port) == survivor)
        second = await eventually(lambda: answering(port, 2))
        assert survivor in second
        assert victim not in second


async def test_a_worker_killed_again_and_again_comes_back() -> None:
    """Kills from outside are no crash loop: each of these workers had served."""
    with supervising(workers=1) as supervisor:
        port = port_of(supervisor)
        for _ in range(4):
            pid = await eventually(lambda: ask(port))
            os.kill(pid, signal.SIGKILL)
        assert await eventually(lambda: ask(port))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains(tmp_path: Path, number: signal.Signals) -> None:
    """Every worker ends by itself, and the supervisor with exit code 0."""
    note = tmp_path / "note"
    with supervising(note=str(note)) as supervisor:
        pids = await eventually_all_answer(supervisor)
        supervisor.send_signal(number)
        assert await asyncio.to_thread(supervisor.wait, 30) == 0
    assert sorted(note.read_text().splitlines()) == sorted(
        f"{word} {pid}" for pid in pids for word in ("asked", "drained")
    )


async def eventually_all_answer(supervisor: "subprocess.Popen[str]") -> set[int]:
    port = port_of(supervisor)
    return await eventually(lambda: answering(port, 2))


async def test_a_worker_that_outstays_the_drain_is_killed() -> None:
    """The drain has an end; the exit code stays 0."""
    with supervising(workers=1, drain_seconds=0.2, deaf=True) as supervisor:
        port = port_of(supervisor)
        pid = await eventually(lambda: ask(port))
        supervisor.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(supervisor.wait, 30) == 0
    assert not Path(f"/proc/{pid}").exists()


async def test_a_second_signal_cuts_the_drain_short(tmp_path: Path) -> None:
    """Somebody presses Ctrl-C twice and need not wait for the drain."""
    note = tmp_path / "note"
    with supervising(workers=1, drain_seconds=60, deaf=True, note=str(note)) as supervisor:
        port = port_of(supervisor)
        pid = await eventually(lambda: ask(port))
        supervisor.send_signal(signal.SIGINT)
        await eventually(note.exists)
        supervisor.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(supervisor.wait, 30) == 0
    assert not Path(f"/proc/{pid}").exists()


async def test_workers_do_not_outlive_a_killed_supervisor() -> None:
    """kill -9 of the supervisor: the kernel ends the workers."""
    with supervising() as supervisor:
        pids = await eventually_all_answer(supervisor)
        supervisor.kill()
        supervisor.wait()
        await eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


@pytest.mark.parametrize(("crash", "code"), [("start", 3), ("after_ready", 4)])
async def test_a_crash_loop_is_given_up_loudly(crash: str, code: int) -> None:
    """Five failed starts in a row while nobody serves: exit code 1 and one line that says it."""
    with supervising(workers=1, crash=crash) as supervisor:
        _, errors = await asyncio.to_thread(supervisor.communicate, None, 30)
    assert supervisor.returncode == 1
    assert errors.splitlines()[-1] == (
        f"worker 0 failed to start 5 times in a row, last with exit code {code}, and no other worker serves"
    )


async def test_while_another_serves_a_crash_loop_is_borne() -> None:
    """A smaller crew is better than none; when the other dies as well and nobody serves, it is given up."""
    with reserve_port("127.0.0.1", 0) as port:
        orders: list[dict[str, object]] = [{"port": port}, {"port": port}]
        supervisor = Supervisor(Crew(WORKER, lambda slot: json.dumps(orders[slot]).encode(), 2))
        task = asyncio.create_task(supervisor.run())
        await eventually(supervisor.all_ready.is_set)
        one, other = supervisor.slots
        break_and_kill(one, orders)
        await eventually(lambda: one.failed_starts > FAILED_STARTS_MAX)
        assert other.ready
        break_and_kill(other, orders)
        with pytest.raises(CrashLoop):
            await asyncio.wait_for(task, 30)


async def test_a_start_for_which_the_system_has_no_means_is_tried_again() -> None:
    """No memory or descriptor to be had just now: the other worker serves on, and this one comes later."""
    with reserve_port("127.0.0.1", 0) as port:
        refusals = iter([OSError(errno.EMFILE, "too many open files")])

        def orders(slot: int) -> bytes:
            if slot == 1 and (refusal := next(refusals, None)):
                raise refusal
            return json.dumps({"port": port}).encode()

        supervisor = Supervisor(Crew(WORKER, orders, 2))
        task = asyncio.create_task(supervisor.run())
        await eventually(supervisor.all_ready.is_set)
        assert next(refusals, None) is None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def break_and_kill(slot: Slot, orders: list[dict[str, object]]) -> None:
    """From now on its workers die at the start; the long row of those deaths is made short for the test."""
    orders[slot.number]["crash"] = "start"
    slot.failed_starts = FAILED_STARTS_MAX - 1
    assert slot.child is not None
    slot.child.send(signal.SIGKILL)


async def test_a_worker_that_never_says_ready_is_stopped() -> None:
    """Silence past the time-out counts as a failed start."""
    crew = Crew(WORKER, lambda _slot: b'{"silent": true}', 1, ready_timeout_seconds=0.3)
    supervisor = Supervisor(crew)
    task = asyncio.create_task(supervisor.run())
    await eventually(lambda: supervisor.slots[0].failed_starts == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert supervisor.slots[0].child is not None
    assert not supervisor.slots[0].child.alive
