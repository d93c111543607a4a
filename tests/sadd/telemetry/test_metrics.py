"""The counters of all workers, as one page, which never shows one fall."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from structlog.testing import capture_logs

from sadd.telemetry.family import Combine
from sadd.telemetry.metrics import STALE_SECONDS, Metrics
from sadd.telemetry.process import ProcessMeter
from sadd.telemetry.stats import stats_source
from sadd.telemetry.traffic import Traffic
from sadd.web.metrics import endpoints
from tests.sadd.web.served import served
from tests.waiting import eventually

GAUGES: Mapping[str, Combine] = {"entries": "sum", "longest_wait_seconds": "max"}


@dataclass(frozen=True)
class Stats:
    """What a service's ``stats()`` returns."""

    hits: int = 0
    entries: int = 0
    longest_wait_seconds: float = 0.0
    refused: dict[str, int] = field(default_factory=dict)


class Worker:
    """One worker with a service whose stats a test may set."""

    def __init__(self, folder: Path, slot: int, now: float = 1000.0) -> None:
        self.stats = Stats()
        self.now = now
        self.metrics = Metrics(folder, slot, clock=lambda: self.now)
        self.metrics.register("sadd_cache", lambda: self.stats, gauges=GAUGES, labels={"refused": "why"})

    async def shows(self) -> dict[str, float]:
        page = await self.metrics.page("")
        return {
            sample.name + "".join(sample.labels.values()): sample.value
            for family in parse_text(page.body.decode())
            for sample in family.samples
        }


async def test_workers_are_summed(tmp_path: Path) -> None:
    """Counters and gauges add up, but a gauge of kind max; labels stay apart."""
    first, second = Worker(tmp_path, 0), Worker(tmp_path, 1)
    first.stats = Stats(hits=3, entries=10, longest_wait_seconds=0.5, refused={"rate": 1})
    second.stats = Stats(hits=4, entries=20, longest_wait_seconds=0.2, refused={"rate": 2, "size": 5})
    await first.metrics.write()

    assert await second.shows() == {
        "sadd_cache_hits_total": 7,
        "sadd_cache_entries": 30,
        "sadd_cache_longest_wait_seconds": 0.5,
        "sadd_cache_refused_totalrate": 3,
        "sadd_cache_refused_totalsize": 5,
    }


async def test_counters_go_on_after_a_restart_and_gauges_do_not(tmp_path: Path) -> None:
    """The next worker of the slot starts where the last one was seen."""
    before = Worker(tmp_path, 0)
    before.stats = Stats(hits=100, entries=10, refused={"rate": 7})
    await before.metrics.write()
    after = Worker(tmp_path, 0)
    after.stats = Stats(hits=1)

    shown = await after.shows()
    assert (shown["sadd_cache_hits_total"], shown["sadd_cache_entries"]) == (101, 0)
    assert shown["sadd_cache_refused_totalrate"] == 7


async def test_what_was_shown_is_never_taken_back(tmp_path: Path) -> None:
    """A scrape writes first: neither another worker's answer nor a kill shows less than it."""
    first, second = Worker(tmp_path, 0), Worker(tmp_path, 1)
    first.stats = Stats(hits=50)

    assert (await first.shows())["sadd_cache_hits_total"] == 50
    assert (await second.shows())["sadd_cache_hits_total"] == 50
    assert (await Worker(tmp_path, 0).shows())["sadd_cache_hits_total"] == 50


async def test_totals_survive_a_worker_that_has_not_registered_yet(tmp_path: Path) -> None:
    """A new worker's first file keeps families of which it knows nothing so far."""
    before = Worker(tmp_path, 0)
    before.stats = Stats(hits=9)
    await before.metrics.write()
    await Metrics(tmp_path, 0).write()

    assert (await Worker(tmp_path, 1).shows())["sadd_cache_hits_total"] == 9


async def test_gauges_of_the_dead_are_left_out(tmp_path: Path) -> None:
    """A worker that has not written for a while is gone, and with it what it held; not what it did."""
    dead, alive = Worker(tmp_path, 0), Worker(tmp_path, 1)
    dead.stats = Stats(hits=5, entries=1000)
    await dead.metrics.write()
    alive.now += STALE_SECONDS + 1

    shown = await alive.shows()
    assert (shown["sadd_cache_hits_total"], shown["sadd_cache_entries"]) == (5, 0)


async def test_an_older_snapshot_does_not_overwrite_a_newer_one(tmp_path: Path) -> None:
    """However the threads are scheduled, the file holds the latest."""
    worker = Worker(tmp_path, 0)

    async def count_and_write(hits: int) -> None:
        worker.stats = Stats(hits=hits)
        await worker.metrics.write()

    await asyncio.gather(*[count_and_write(hits) for hits in range(50)])
    (_, sample) = json.loads((tmp_path / "0.json").read_text())["totals"]["sadd_cache_hits"][0]
    assert sample[0] == 49


@pytest.mark.parametrize("content", [b"", b'{"written_at":', b"\x00\xff", b"[]"])
async def test_a_broken_file_is_left_out_and_said(tmp_path: Path, content: bytes) -> None:
    """Half a file of a full disk does not take the page away."""
    (tmp_path / "7.json").write_bytes(content)
    worker = Worker(tmp_path, 0)
    worker.stats = Stats(hits=1)

    with capture_logs() as lines:
        assert (await worker.shows())["sadd_cache_hits_total"] == 1
    assert "7.json" in lines[0]["path"]


async def test_the_file_is_written_by_the_period_and_at_the_end(tmp_path: Path) -> None:
    """What happened after the last period is not lost at an orderly exit."""
    worker = Worker(tmp_path, 0)
    running = asyncio.create_task(worker.metrics.run(period_seconds=0.01))
    await eventually((tmp_path / "0.json").exists)
    worker.stats = Stats(hits=3)
    running.cancel()
    await asyncio.wait([running])

    assert (await Worker(tmp_path, 1).shows())["sadd_cache_hits_total"] == 3


async def test_a_full_disk_stops_no_worker(tmp_path: Path) -> None:
    """The periodic writer logs and goes on."""
    (tmp_path / "file").write_text("not a folder")
    worker = Worker(tmp_path / "file", 0)
    with capture_logs() as lines:
        running = asyncio.create_task(worker.metrics.run(period_seconds=0.01))
        await eventually(lambda: len(lines) >= 2)
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "text/plain"),
        ("text/plain;version=0.0.4", "text/plain"),
        ("application/openmetrics-text;version=latest", "text/plain"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text"),
    ],
)
async def test_the_page_in_both_formats(tmp_path: Path, accept: str, media_type: str) -> None:
    """Prometheus' own parsers read it, with the histograms whole."""
    traffic, metrics = Traffic(), Metrics(tmp_path, 0)
    metrics.add(traffic.read)
    metrics.add(ProcessMeter(0).read)
    traffic.route("GET", "/v1/x/{id}").count(200, 0.01)
    traffic.route("GET", "/v1/x/{id}").count(503, 100.0)
    async with (
        served(endpoints(metrics)) as site,
        site.client.get("/metrics", headers={"Accept": accept}) as response,
    ):
        text = await response.text()
    parse = parse_openmetrics if "openmetrics" in media_type else parse_text
    samples = {sample.name: sample for family in parse(text) for sample in family.samples}

    assert response.content_type == media_type
    assert samples["sadd_http_requests_total"].labels == {
        "method": "GET", "route": "/v1/x/{id}", "status": "5xx"
    }  # fmt: skip
    assert samples["sadd_http_request_duration_seconds_count"].value == 2
    assert samples["sadd_http_request_duration_seconds_bucket"].labels["le"] == "+Inf"
    assert samples["sadd_worker_resident_bytes"].value > 1_000_000
    assert samples["sadd_build_info"].value == 1


async def test_routes_without_requests_make_no_series(tmp_path: Path) -> None:
    """A page grows with use, not with the number of endpoints."""
    traffic, metrics = Traffic(), Metrics(tmp_path, 0)
    traffic.route("GET", "/never")
    metrics.add(traffic.read)
    assert b"never" not in (await metrics.page("")).body


@dataclass(frozen=True)
class Wrong:
    """Stats that cannot be shown."""

    names: list[str] = field(default_factory=list)


def test_a_field_that_is_no_number_is_a_mistake() -> None:
    """A service that puts a list into its stats learns it from its first test."""
    with pytest.raises(TypeError, match="sadd_wrong_names is list"):
        list(stats_source("sadd_wrong", Wrong)())


async def test_a_source_that_fails_takes_no_other_away(tmp_path: Path) -> None:
    """The page goes on without it; the log says so once."""
    worker = Worker(tmp_path, 0)
    worker.metrics.register("sadd_wrong", Wrong)
    worker.stats = Stats(hits=2)
    with capture_logs() as lines:
        assert (await worker.shows())["sadd_cache_hits_total"] == 2
        assert (await worker.shows())["sadd_cache_hits_total"] == 2
    assert len(lines) == 1


async def test_a_text_is_a_state(tmp_path: Path) -> None:
    """Workers are counted by the state that they are in."""

    @dataclass(frozen=True)
    class Client:
        breaker: str

    for slot, state in enumerate(["closed", "open", "closed"]):
        metrics = Metrics(tmp_path, slot)
        metrics.register("sadd_valkey", partial(Client, state))
        page = (await metrics.page("")).body.decode()
    assert 'sadd_valkey_breaker{state="closed"} 2.0' in page
    assert 'sadd_valkey_breaker{state="open"} 1.0' in page


COUNTING = """
import asyncio, dataclasses, re, sys
from pathlib import Path
from sadd.telemetry.metrics import Metrics

@dataclasses.dataclass
class Stats:
    hits: int = 0

async def main():
    stats = Stats()
    metrics = Metrics(Path(sys.argv[1]), 0)
    metrics.register("sadd_cache", lambda: stats)
    for line in sys.stdin:
        stats.hits += 1000
        (value,) = re.findall(r"(?m)^sadd_cache_hits_total (\\S+)", (await metrics.page("")).body.decode())
        print(value, flush=True)

asyncio.run(main())
"""


def test_no_counter_falls_when_a_worker_is_killed(tmp_path: Path) -> None:
    """kill -9 right after a scrape, again and again: each scrape shows more than the one before."""
    shown = [0.0]
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", COUNTING, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3] / "platform",
        ) as worker:
            assert worker.stdin
            assert worker.stdout
            for _ in range(3):
                worker.stdin.write("\n")
                worker.stdin.flush()
                shown.append(float(worker.stdout.readline()))
            os.kill(worker.pid, signal.SIGKILL)
    assert shown == [1000.0 * scrapes for scrapes in range(10)]
