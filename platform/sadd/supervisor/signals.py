"""SIGTERM and Ctrl-C as cancellation, so that every ``async with`` on the way out cleans up."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM)


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
    for number in STOPPING:
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return 0
    finally:
        for number in STOPPING:
            loop.remove_signal_handler(number)
