"""Families out of a ``stats()`` value: services count in plain dataclasses and know no metrics."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sadd.telemetry.family import Combine, Family, Labels, Sample, Samples, Source


def stats_source(
    prefix: str,
    stats: Callable[[], Any],
    *,
    gauges: Mapping[str, Combine] | None = None,
    labels: Mapping[str, str] | None = None,
    help_of: Mapping[str, str] | None = None,
) -> Source:
    """A source of one family a field of the dataclass that ``stats`` returns.

    A number is one sample; a ``dict[str, number]`` has one sample a key, under the label that
    ``labels`` names (else ``kind``). All are counters but those in ``gauges``, which says how the
    workers' values combine. A text is a state: a gauge of 1 under the label ``state``, so that the sum
    tells how many workers are in each. Dictionary keys become time series: their set must be bounded.
    TypeError: a field of any other type.
    """
    gauges, labels, help_of = gauges or {}, labels or {}, help_of or {}
    families: dict[str, Family] = {}

    def family_of(field: str, value: Any) -> Family:
        if field not in families:
            families[field] = Family(
                name=f"{prefix}_{field.removesuffix('_total')}",
                help=help_of.get(field, f"{prefix.removeprefix('sadd_')}: {field}".replace("_", " ")),
                kind="gauge" if field in gauges or isinstance(value, str) else "counter",
                labels=_labels(value, labels.get(field, "kind")),
                combine=gauges.get(field, "sum"),
            )
        return families[field]

    def read() -> Iterable[tuple[Family, Samples]]:
        value = stats()
        for field in dataclasses.fields(value):
            number = getattr(value, field.name)
            yield family_of(field.name, number), _samples(f"{prefix}_{field.name}", number)

    return read


def _labels(value: Any, key: str) -> Labels:
    if isinstance(value, str):
        return ("state",)
    return (key,) if isinstance(value, Mapping) else ()


def _samples(name: str, value: Any) -> dict[Labels, Sample]:
    if isinstance(value, int | float):
        return {(): Sample(+value)}  # a bool as 0 or 1
    if isinstance(value, str):
        return {(value,): Sample(1)}
    if isinstance(value, Mapping):
        return {(str(key),): Sample(number) for key, number in value.items()}
    raise TypeError(
        f"{name} is {type(value).__name__}: a metric is a number, a state, or a mapping of numbers"
    )
