"""The page that Prometheus scrapes, written by prometheus_client from our own families."""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sadd.telemetry.family import Family, Labels, Sample, Samples
from sadd.telemetry.histogram import BOUNDS_SECONDS

_END_OF_PAGE = b"# EOF\n"
_HEADING = re.compile(rb"(?m)^# .*\n")
_PORTION = 8


@dataclass(frozen=True, slots=True)
class Page:
    body: bytes
    content_type: str


class _Alone(Collector):
    """A collector of one family."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        yield self._metric


async def render(readings: Mapping[str, tuple[Family, Samples]], accept: str) -> Page:
    """Text or OpenMetrics, as ``accept`` prefers.

    A few series at a time, and the event loop in between: a page of thousands of lines takes tens of
    milliseconds, which no other request should wait for at a stretch.
    """
    encode, content_type = _encoder(accept)
    parts: list[bytes] = []
    for family, samples in readings.values():
        for number, some in enumerate(_portions(samples)):
            registry = CollectorRegistry(auto_describe=False)
            registry.register(_Alone(_metric(family, some)))
            text = encode(registry).removesuffix(_END_OF_PAGE)
            parts.append(_HEADING.sub(b"", text) if number else text)
            await asyncio.sleep(0)
    if "openmetrics" in content_type:
        parts.append(_END_OF_PAGE)
    return Page(b"".join(parts), content_type)


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """The plain text format for a header that prometheus_client trips over, as a version that is none."""
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):
        return choose_encoder("")


def _portions(samples: Samples) -> Iterator[dict[Labels, Sample]]:
    """The samples in order, a few at a time; one empty portion if there are none."""
    ordered = sorted(samples.items())
    for first in range(0, max(1, len(ordered)), _PORTION):
        yield dict(ordered[first : first + _PORTION])


def _metric(family: Family, samples: Samples) -> Metric:
    if family.kind == "histogram":
        return _histogram(family, samples)
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(family.name, family.help, labels=family.labels)
    for labels, sample in samples.items():
        metric.add_metric(labels, sample.value)
    return metric


def _histogram(family: Family, samples: Samples) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    bounds = [str(bound) for bound in BOUNDS_SECONDS] + ["+Inf"]
    for labels, sample in samples.items():
        if len(sample.counts) != len(bounds):
            continue  # left by a version with other buckets
        buckets = list(zip(bounds, accumulate(sample.counts), strict=True))
        metric.add_metric(labels, buckets, sum_value=sample.value)
    return metric
