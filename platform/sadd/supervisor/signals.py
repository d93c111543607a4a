"""SIGTERM and Ctrl-C as cancellation, so that every ``async with`` on the way out cleans up."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(main: Coroutine[Any, Any, int]) -> int:
    """Run `main` and return its exit code; 0 when a signal stopped it.

    A signal cancels `main`; a further one cancels whatever it still waits for while it cleans up, which cuts
    the wait short (`Child.stop` then kills).
    """
    with asyncio.Runner() as runner:
        return runner.run(_cancelled_by_signals(main))


async def _cancelled_by_signals(main: Coroutine[Any, Any, int]) -> int:
    loop = asyncio.get_running_loop()
    task = loop.create_task(main)
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        task.cancel()

    numbers = [number for number in STOPPING if not _left_alone(number)]
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not received:
            raise
        return 0
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _left_alone(number: signal.Signals) -> bool:
    """Under nohup SIGHUP is ignored, and shall be."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
