"""Trial units: each unit's arm and sums in each trial."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import select, text

from control_plane.store.database import Transaction
from control_plane.store.rows import among
from control_plane.store.tables import trial_units


class UnitRow(NamedTuple):
    """As it is kept."""

    unit: int
    trial: int
    arm: str
    first_at: int
    first_snapshot: int
    period: int
    moved: bool
    forced: bool
    sums: bytes
    bins: bytes


_COLUMNS = [trial_units.c[name] for name in UnitRow._fields]
_KEY = ("unit", "trial")
_PUT = text(
    f"INSERT INTO trial_units ({', '.join(UnitRow._fields)}) VALUES (:{', :'.join(UnitRow._fields)}) "
    f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in UnitRow._fields if name not in _KEY)
)


def of_units(transaction: Transaction, units: Collection[int]) -> list[UnitRow]:
    """Rows of these units, in all trials."""
    if not units:
        return []
    query = select(*_COLUMNS).where(among(transaction, trial_units.c.unit, units))
    return [UnitRow(*row) for row in transaction.execute(query)]


def put(transaction: Transaction, rows: Sequence[UnitRow]) -> None:
    """Keep rows, in place of those that are there."""
    if rows:
        transaction.execute(_PUT, [row._asdict() for row in rows])
