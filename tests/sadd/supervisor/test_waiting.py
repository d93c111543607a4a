"""Stores that are away at start are waited for, and named without their secrets."""

import asyncio

import pytest
import structlog

from sadd.supervisor.waiting import Probe, StoreAway, wait_for_stores

URL = "redis://app:hunter2@cache.gov.example:6379/0"


async def test_a_store_that_comes_late_is_waited_for() -> None:
    """Each failed attempt is a log line with the store, the attempt and the URL without its password."""
    attempts = 0

    async def ask() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ConnectionError(f"cannot reach {URL}")

    with structlog.testing.capture_logs() as lines:
        await wait_for_stores([Probe("valkey", URL, ask)], timeout_seconds=5)
    assert [(line["store"], line["attempt"]) for line in lines] == [("valkey", 1), ("valkey", 2)]
    assert lines[0]["url"] == "redis://app:***@cache.gov.example:6379/0"
    assert "hunter2" not in str(lines)


async def test_a_store_that_stays_away_is_named() -> None:
    """After the time-out one line says which store, where, and why; the other being there is no help."""

    async def there() -> None:
        pass

    async def away() -> None:
        raise ConnectionRefusedError("connection refused")

    probes = [Probe("postgres", "postgresql://h/db", there), Probe("valkey", URL, away)]
    with pytest.raises(
        StoreAway, match=r"^valkey at redis://app:\*\*\*@cache.* 0.2 s .*: connection refused$"
    ):
        await wait_for_stores(probes, timeout_seconds=0.2)


async def test_a_store_that_does_not_answer_counts_as_away() -> None:
    """A probe that hangs is cut off at the time-out."""
    with pytest.raises(StoreAway, match="no answer"):
        await wait_for_stores([Probe("valkey", URL, lambda: asyncio.sleep(60))], timeout_seconds=0.1)


async def test_a_store_that_is_refused_is_not_waited_for() -> None:
    """A store that answers and can't be worked on ends the start at once, with its reason."""

    async def ask() -> None:
        raise ValueError(f"{URL} is of version 5, 7 or later is needed")

    with pytest.raises(StoreAway, match=r"version 5") as ended:
        await wait_for_stores([Probe("valkey", URL, ask)], timeout_seconds=60)
    assert "hunter2" not in str(ended.value)
