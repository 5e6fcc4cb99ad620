"""Tallies: what happens at each request, counted in plain numbers.

The library's own counters take a lock and look a child up for each count, which costs more than the rest of an access
log's line. These belong to one event loop, and become the library's families when they are asked for.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Tally(Collector):
    """A counter."""

    def __init__(self, name: str, description: str, labels: Sequence[str]) -> None:
        self._family = (name, description, None, tuple(labels))
        self._counts: defaultdict[tuple[str, ...], int] = defaultdict(int)

    def add(self, labels: tuple[str, ...]) -> None:
        """Count one."""
        self._counts[labels] += 1

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(*self._family)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family


class Timing(Collector):
    """A histogram of seconds."""

    def __init__(self, name: str, description: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        """`bounds` are the upper ends of the buckets, ascending, without the infinite one."""
        self._family = (name, description, None, None, tuple(labels))
        self._bounds = tuple(bounds)
        self._buckets: dict[tuple[str, ...], list[int]] = {}
        self._sums: defaultdict[tuple[str, ...], float] = defaultdict(float)

    def add(self, labels: tuple[str, ...], seconds: float) -> None:
        """Count one."""
        buckets = self._buckets.get(labels)
        if buckets is None:
            buckets = self._buckets[labels] = [0] * (len(self._bounds) + 1)
        buckets[bisect_left(self._bounds, seconds)] += 1
        self._sums[labels] += seconds

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(*self._family)
        ends = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for labels, buckets in self._buckets.items():
            family.add_metric(labels, list(zip(ends, accumulate(buckets), strict=True)), self._sums[labels])
        yield family
