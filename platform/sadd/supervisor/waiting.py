"""Waiting for stores that are not there yet when we start."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from sadd.settings.masking import masked
from sadd.supervisor.backoff import delays

log = structlog.get_logger("sadd.supervisor")


class StoreAway(Exception):
    """A store did not answer in the time that start-up may take, or is not one to work on."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to one store: `ask` returns when it answers and raises when it does not.

    ValueError says that waiting would not help: the store is there and is not one to work on.
    """

    store: str
    url: str
    ask: Callable[[], Awaitable[object]]


async def wait_for_stores(probes: Sequence[Probe], timeout_seconds: float) -> None:
    """Return when every store has answered. Raises `StoreAway`, naming the first that did not in time."""
    try:
        async with asyncio.TaskGroup() as group:
            for probe in probes:
                group.create_task(_wait(probe, timeout_seconds))
    except* StoreAway as away:
        raise away.exceptions[0] from None


async def _wait(probe: Probe, timeout_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_seconds
    attempts, reason = 0, ""
    for pause_seconds in delays(longest_seconds=2.0):
        attempts += 1
        try:
            async with asyncio.timeout_at(until):
                await probe.ask()
            return
        except TimeoutError:
            reason = "no answer in time"
        except ValueError as error:
            raise StoreAway(f"{probe.store} at {masked(probe.url)}: {masked(str(error))}") from error
        except Exception as error:
            # Any: each client has its own errors, and all of them mean "not yet" here.
            reason = str(error).replace(probe.url, masked(probe.url)) or type(error).__name__
        if loop.time() + pause_seconds >= until:
            break
        log.warning(
            "store is away, waiting",
            store=probe.store,
            url=masked(probe.url),
            attempt=attempts,
            seconds_left=round(until - loop.time(), 1),
            reason=reason,
        )
        await asyncio.sleep(pause_seconds)
    raise StoreAway(
        f"{probe.store} at {masked(probe.url)} did not answer within {timeout_seconds:g} s "
        f"({attempts} attempts): {reason}"
    )
