"""Tallies: what happens at each request, counted in plain numbers, and told in Prometheus' text format bit by bit.

The library's own metrics take a lock and look a child up for each count, which costs more than the rest of an access
log's line; and they are written out all at once, 7 us a line: with a hundred Routes, 50 ms in which nobody is answered.
These belong to one event loop. They count what has a label that documents give; the rest is the library's.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import ClassVar

Labels = tuple[str, ...]
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class _Family:
    """All children of one metric."""

    kind: ClassVar[str]

    def __init__(self, name: str, description: str, labels: Sequence[str]) -> None:
        self._name = name
        self._head = f"# HELP {name} {description}\n# TYPE {name} {self.kind}\n"
        self._labels = tuple(labels)

    def text(self) -> Iterator[str]:
        """Its lines, a child at a time."""
        yield self._head
        yield from self._children()

    def _children(self) -> Iterator[str]:
        raise NotImplementedError

    def _labelled(self, values: Labels, **more: str) -> str:
        said = {**dict(zip(self._labels, values, strict=True)), **more}
        return ",".join([f'{name}="{said[name].translate(_ESCAPES)}"' for name in sorted(said)])


class Tally(_Family):
    """A counter."""

    kind = "counter"

    def __init__(self, name: str, description: str, labels: Sequence[str]) -> None:
        super().__init__(name, description, labels)
        self._counts: defaultdict[Labels, int] = defaultdict(int)

    def add(self, labels: Labels) -> None:
        """Count one."""
        self._counts[labels] += 1

    def _children(self) -> Iterator[str]:
        for labels, count in [*self._counts.items()]:
            yield f"{self._name}{{{self._labelled(labels)}}} {float(count)}\n"


class Levels(_Family):
    """A gauge: all of its children are set at once, and those that are not set are gone."""

    kind = "gauge"

    def __init__(self, name: str, description: str, labels: Sequence[str]) -> None:
        super().__init__(name, description, labels)
        self._levels: Mapping[Labels, float] = {}

    def set(self, levels: Mapping[Labels, float]) -> None:
        """What is now."""
        self._levels = levels

    def _children(self) -> Iterator[str]:
        for labels, level in self._levels.items():
            yield f"{self._name}{{{self._labelled(labels)}}} {float(level)}\n"


class Timing(_Family):
    """A histogram of seconds."""

    kind = "histogram"

    def __init__(self, name: str, description: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        """`bounds` are the upper ends of the buckets, ascending, without the infinite one."""
        super().__init__(name, description, labels)
        self._bounds = tuple(bounds)
        self._ends = (*(str(float(bound)) for bound in bounds), "+Inf")
        self._buckets: dict[Labels, list[int]] = {}
        self._sums: defaultdict[Labels, float] = defaultdict(float)

    def add(self, labels: Labels, seconds: float) -> None:
        """Count one."""
        buckets = self._buckets.get(labels)
        if buckets is None:
            buckets = self._buckets[labels] = [0] * (len(self._bounds) + 1)
        buckets[bisect_left(self._bounds, seconds)] += 1
        self._sums[labels] += seconds

    def _children(self) -> Iterator[str]:
        for labels, buckets in [*self._buckets.items()]:
            lines = [
                f"{self._name}_bucket{{{self._labelled(labels, le=end)}}} {float(count)}\n"
                for end, count in zip(self._ends, accumulate(buckets), strict=True)
            ]
            labelled = self._labelled(labels)
            lines.append(f"{self._name}_count{{{labelled}}} {float(sum(buckets))}\n")
            lines.append(f"{self._name}_sum{{{labelled}}} {self._sums[labels]}\n")
            yield "".join(lines)
