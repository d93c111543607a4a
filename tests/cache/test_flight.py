"""One load for all who ask, and nobody harmed by another's going."""

import asyncio
import itertools

import pytest

from cache.flight import Flight, Flights, LoadEnded


class Load:
    """Counts how often it began and was cancelled, and ends when it is told to."""

    def __init__(self) -> None:
        self.began = self.cancelled = 0
        self.result: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self, _: Flight[str]) -> str:
        self.began += 1
        try:
            return await asyncio.shield(self.result)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


CALLERS = 4
MOMENTS = ("before it began", "while it runs", "never")


@pytest.mark.parametrize("finish", [True, False])
@pytest.mark.parametrize("fails", [True, False])
async def test_whoever_is_cancelled_harms_nobody(finish: bool, fails: bool) -> None:
    """Every choice of when each of four callers is cancelled: the others get the result of the one load."""
    for when in itertools.product(MOMENTS, repeat=CALLERS):
        flights: Flights[str, str] = Flights()
        load = Load()
        callers = [asyncio.ensure_future(flights.join("k", load, finish=finish)) for _ in range(CALLERS)]
        for moment in MOMENTS[:2]:
            await turns(1 if moment == MOMENTS[0] else 5)
            for caller, own in zip(callers, when, strict=True):
                if own == moment:
                    caller.cancel()
        await turns()
        left = [caller for caller, own in zip(callers, when, strict=True) if own == "never"]
        if fails:
            load.result.set_exception(OSError("away"))
        else:
            load.result.set_result("value")
        load.result.exception()
        results = await asyncio.gather(*left, return_exceptions=True)
        await turns()
        assert [type(result) for result in results] == [OSError if fails else str] * len(left)
        assert load.began <= 1
        assert load.cancelled == (not left and not finish and load.began)
        assert len(flights) == 0
        await asyncio.gather(*callers, return_exceptions=True)


async def test_who_asks_after_the_last_left_begins_anew() -> None:
    """A load that is being cancelled is not joined."""
    flights: Flights[str, str] = Flights()
    first, second = Load(), Load()
    caller = asyncio.ensure_future(flights.join("k", first, finish=False))
    await turns()
    caller.cancel()
    await turns(1)
    other = asyncio.ensure_future(flights.join("k", second, finish=False))
    await turns()
    second.result.set_result("second")
    assert await other == "second"
    assert (first.cancelled, second.began) == (1, 1)


async def test_it_lands_for_the_earlier_only() -> None:
    """Those who had boarded get a first result; the flight goes on for who came later."""
    flights: Flights[str, str] = Flights()
    gates = [asyncio.Event(), asyncio.Event()]

    async def load(flight: Flight[str]) -> str:
        boarded = flight.boarded
        await gates[0].wait()
        flight.land_for(boarded, "first")
        await gates[1].wait()
        return "second"

    early = asyncio.ensure_future(flights.join("k", load))
    await turns()
    late = asyncio.ensure_future(flights.join("k", load))
    await turns()
    gates[0].set()
    assert await early == "first"
    assert not late.done()
    gates[1].set()
    assert await late == "second"
    assert flights.joined == 1


async def test_a_load_that_nobody_waits_for_is_begun_once() -> None:
    """A refresh: one at a time, and its error is nobody's."""
    flights: Flights[str, str] = Flights()
    load = Load()
    assert flights.start("k", load)
    assert not flights.start("k", load)
    await turns()
    load.result.set_exception(OSError("away"))
    load.result.exception()
    await turns()
    assert (load.began, len(flights)) == (1, 0)


async def test_the_end_of_the_process_is_told() -> None:
    """Whoever waits then gets an error of its own, and is not cancelled."""
    flights: Flights[str, str] = Flights()
    load = Load()
    caller = asyncio.ensure_future(flights.join("k", load))
    await turns()
    await flights.aclose()
    with pytest.raises(LoadEnded):
        await caller
