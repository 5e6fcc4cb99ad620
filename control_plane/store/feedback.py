"""Feedback: what was reported of requests and units, kept so that it counts once, also where it comes before them."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, insert, select

from control_plane.store.database import Transaction
from control_plane.store.rows import among
from control_plane.store.tables import feedback

_COLUMNS = [feedback.c[name] for name in ("report", "request", "unit", "name", "at", "value")]


class Report(NamedTuple):
    """A value of an outcome: of a request, of a unit at a moment, or of one unit's answer to a request."""

    report: int
    request: int | None
    unit: int | None
    name: str
    at: int
    value: float


def unseen(transaction: Transaction, reports: Iterable[Report]) -> list[Report]:
    """Those that have not come before; of one that is there twice the first."""
    first: dict[int, Report] = {}
    for report in reports:
        first.setdefault(report.report, report)
    if not first:
        return []
    known = among(transaction, feedback.c.report, first)
    seen = set(transaction.execute(select(feedback.c.report).where(known)).scalars())
    return [report for report in first.values() if report.report not in seen]


def of_requests(transaction: Transaction, requests: Collection[int]) -> list[Report]:
    """What was reported of these."""
    return _where(transaction, among(transaction, feedback.c.request, requests)) if requests else []


def of_units(transaction: Transaction, units: Collection[int]) -> list[Report]:
    """What was reported of these, and of none of their requests."""
    own = feedback.c.request.is_(None)
    return _where(transaction, among(transaction, feedback.c.unit, units) & own) if units else []


def add(transaction: Transaction, reports: Sequence[Report], received: int) -> None:
    """Keep new ones."""
    if reports:
        transaction.execute(insert(feedback), [{**report._asdict(), "received": received} for report in reports])


def _where(transaction: Transaction, condition: ColumnElement[bool]) -> list[Report]:
    return [Report(*row) for row in transaction.execute(select(*_COLUMNS).where(condition))]
