"""Roll: the units that a batch is about, as they are kept and as it changes them."""

from collections import defaultdict
from collections.abc import Collection

import numpy as np

from control_plane.outcomes import arms
from control_plane.outcomes.arms import ArmSums, Counted
from control_plane.outcomes.packing import OF_A_UNIT, OF_AN_ARM, pack, pack_bins, unpack, unpack_bins
from control_plane.outcomes.register import Register
from control_plane.outcomes.units import First, Place, Unit
from control_plane.spec.metrics import are_marks, number_of
from control_plane.store import trial_arms, trial_units
from control_plane.store.database import Transaction
from control_plane.store.trial_arms import ArmRow
from control_plane.store.trial_units import UnitRow

_NOT_YET = Counted(None, (), False)


class Roll:
    """Of one transaction. Units are read at once, and written at once where they changed."""

    def __init__(self, transaction: Transaction, register: Register, units: Collection[int]) -> None:
        self._transaction = transaction
        self._register = register
        self._units: dict[tuple[int, int], Unit] = {}
        self._was: dict[tuple[int, int], Counted] = {}
        self._trials: defaultdict[int, list[int]] = defaultdict(list)
        rows = trial_units.of_units(transaction, units)
        register.recall({row.trial for row in rows})
        for row in rows:
            self._units[row.unit, row.trial] = _unit(row)
            self._trials[row.unit].append(row.trial)

    def unit(self, unit: int, trial: int) -> Unit:
        """One that is about to change, new where it is not known."""
        key = unit, trial
        found = self._units.get(key)
        if found is None:
            found = self._units[key] = Unit(unit, trial)
            self._trials[unit].append(trial)
            self._was[key] = _NOT_YET
        elif key not in self._was:
            self._was[key] = Counted(found.place, tuple(found.sums), found.moved)
        return found

    def report(self, unit: int, trial: int, outcome: str, value: float) -> None:
        """Count what was reported of a request; of marks, also how many there are."""
        self._report(unit, trial, outcome, None, value)
        if are_marks(outcome):
            self._report(unit, trial, number_of(outcome), None, 1)

    def report_everywhere(self, unit: int, outcome: str, at: int, value: float) -> None:
        """Count what was reported of a unit."""
        for trial in self._trials[unit]:
            self._report(unit, trial, outcome, at, value)

    def recall(self, unit: int, trial: int, outcome: str, at: int, value: float, thought: int | None) -> None:
        """Count what had been reported of a unit before it was known that it began so early, or at all."""
        if thought is None:
            self._report(unit, trial, outcome, at, value)
            return
        found, index = self.unit(unit, trial), self._register.index(trial, outcome)
        if index is not None and found.first is not None and found.first.at <= at < thought:
            found.redate(index, value)

    def _report(self, unit: int, trial: int, outcome: str, at: int | None, value: float) -> None:
        # A unit of a trial that is long over has no row.
        if (unit, trial) not in self._units:
            return
        index = self._register.index(trial, outcome)
        if index is not None:
            self.unit(unit, trial).report(index, at, value)

    def close(self) -> None:
        """Write down what changed, and move the arms' sums by it."""
        changed = [(was, self._units[key]) for key, was in self._was.items()]
        places = {place for was, unit in changed for place in (was.place, unit.place) if place is not None}
        sums = _read(self._transaction, places)
        arms.move(sums, changed)
        trial_arms.put(
            self._transaction,
            [ArmRow(*place, each.products.tobytes(), pack_bins(+each.bins, OF_AN_ARM)) for place, each in sums.items()],
        )
        trial_units.put(self._transaction, [_row(unit) for _, unit in changed])


def _read(transaction: Transaction, places: Collection[Place]) -> dict[Place, ArmSums]:
    found = {place: ArmSums() for place in sorted(places)}
    rows = trial_arms.of_trials(transaction, {each.trial for each in places}, {each.period for each in places})
    for row in rows:
        place = Place(row.trial, row.period, row.arm)
        if place in found:
            found[place] = sums_of(row)
    return found


def sums_of(row: ArmRow) -> ArmSums:
    """An arm's sums as they are kept."""
    products = np.frombuffer(row.products)
    width = round(len(products) ** 0.5)
    sums = ArmSums(products.reshape(width, width).copy())
    sums.bins.update(unpack_bins(row.bins, OF_AN_ARM))
    return sums


def _unit(row: UnitRow) -> Unit:
    first = First(row.first_at, row.arm, row.first_snapshot) if row.arm else None
    unit = Unit(row.unit, row.trial, first, row.period, row.moved, row.forced, unpack(row.sums))
    unit.bins = unpack_bins(row.bins, OF_A_UNIT)
    return unit


def _row(unit: Unit) -> UnitRow:
    at, arm, snapshot = unit.first or First(0, "", 0)
    bins = unit.bins
    for code, count in unit.added.items():
        bins[code] = bins.get(code, 0) + count
    packed = pack(unit.sums), pack_bins(bins, OF_A_UNIT)
    return UnitRow(unit.unit, unit.trial, arm, at, snapshot, unit.period, unit.moved, unit.forced, *packed)
