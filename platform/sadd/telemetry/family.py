"""A family of metrics: its name and kind, how workers' values combine, and what a source reads."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

Labels = tuple[str, ...]
Kind = Literal["counter", "gauge", "histogram"]
Combine = Literal["sum", "max"]


@dataclass(frozen=True, slots=True)
class Family:
    """What is the same for all samples. A counter's name has no ``_total``; the exposition adds it."""

    name: str
    help: str
    kind: Kind
    labels: Labels = ()
    combine: Combine = "sum"
    """How the workers' gauges become one; counters and histograms are always summed."""


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """The value of one set of labels; of a histogram the sum, with its counts by bucket."""

    value: int | float
    counts: tuple[int, ...] = ()

    def plus(self, other: "Sample") -> "Sample":
        """Both together. Histograms of another layout (an older version's) do not add: ours stands."""
        if len(self.counts) != len(other.counts):
            return self
        counts = tuple(map(sum, zip(self.counts, other.counts, strict=True)))
        return Sample(self.value + other.value, counts)


Samples = Mapping[Labels, Sample]
Source = Callable[[], Iterable[tuple[Family, Samples]]]
"""Reads live counters: called once a second and at each scrape, on the event loop, so it is quick."""


def merged(family: Family, first: Samples, second: Samples) -> dict[Labels, Sample]:
    """The samples of two workers, or of one worker before and after its restart."""
    together = dict(first)
    for labels, sample in second.items():
        mine = together.get(labels)
        if mine is None:
            together[labels] = sample
        elif family.kind == "gauge" and family.combine == "max":
            together[labels] = max(mine, sample, key=lambda one: one.value)
        else:
            together[labels] = mine.plus(sample)
    return together
