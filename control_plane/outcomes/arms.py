"""Arm sums: what is left of an arm's units: products of their features, and histograms of their requests."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from control_plane.outcomes.measures import Floats, features
from control_plane.outcomes.units import Place, Unit


@dataclass(slots=True)
class ArmSums:
    """Moved by what units change; never computed anew."""

    products: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    bins: Counter[int] = field(default_factory=Counter)

    def shift(self, of_units: Floats, sign: int) -> None:
        """Put units in (1), or take them out (-1), by their features."""
        width = of_units.shape[1]
        if width > len(self.products):
            wider = np.zeros((width, width))
            wider[: len(self.products), : len(self.products)] = self.products
            self.products = wider
        self.products[:width, :width] += sign * (of_units.T @ of_units)


@dataclass(frozen=True, slots=True)
class Counted:
    """How a unit counted, before a batch changed it."""

    place: Place | None
    sums: tuple[float, ...]
    moved: bool


def move(arms: Mapping[Place, ArmSums], changed: Sequence[tuple[Counted, Unit]]) -> None:
    """Take the units out as they counted, and put them in as they do now. `arms` has all of their places."""
    out = _by_place((was.place, was.sums, was.moved) for was, _ in changed)
    into = _by_place((unit.place, unit.sums, unit.moved) for _, unit in changed)
    for groups, sign in ((out, -1), (into, 1)):
        for place, (sums, moved) in groups.items():
            arms[place].shift(_features(sums, moved), sign)
    for was, unit in changed:
        if was.place != unit.place:
            if was.place is not None:
                arms[was.place].bins.subtract(unit.bins)
            if unit.place is not None:
                arms[unit.place].bins.update(unit.bins)
        if unit.place is not None:
            arms[unit.place].bins.update(unit.added)


_Group = tuple[list[Sequence[float]], list[bool]]


def _by_place(rows: Iterable[tuple[Place | None, Sequence[float], bool]]) -> dict[Place, _Group]:
    found: defaultdict[Place, _Group] = defaultdict(lambda: ([], []))
    for place, sums, moved in rows:
        if place is not None:
            found[place][0].append(sums)
            found[place][1].append(moved)
    return found


def _features(sums: Sequence[Sequence[float]], moved: Sequence[bool]) -> Floats:
    table = np.zeros((len(sums), max(map(len, sums))))
    for row, numbers in zip(table, sums, strict=True):
        row[: len(numbers)] = numbers
    return features(table, np.array(moved))
