"""Analyses: how the differences of each Experiment came about, and each change of its verdict."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select

from control_plane.spec import thinning
from control_plane.spec.results import Concluded, Point
from control_plane.store.database import Transaction
from control_plane.store.tables import analyses, verdicts

MOST_MOMENTS = 300
"""Of one Experiment: a chart has no more columns."""


def last(transaction: Transaction, trial: str) -> datetime | None:
    """When points were kept last."""
    return transaction.execute(select(func.max(analyses.c.at)).where(analyses.c.trial == trial)).scalar()


def keep(transaction: Transaction, trial: str, at: datetime, points: Sequence[Point]) -> None:
    """Keep what was known at a moment; of a long course some moments, evenly over its time."""
    said = [point.model_dump(mode="json") for point in points]
    transaction.execute(insert(analyses).values(trial=trial, at=at, points=said))
    query = select(analyses.c.id, analyses.c.at).where(analyses.c.trial == trial).order_by(analyses.c.id)
    rows = transaction.execute(query).all()
    if len(rows) > MOST_MOMENTS:
        missed_least = rows[thinning.dispensable([row.at for row in rows])].id
        transaction.execute(delete(analyses).where(analyses.c.id == missed_least))


def course(transaction: Transaction, trial: str, since: datetime | None) -> tuple[Point, ...]:
    """All that was kept since a moment, oldest first."""
    query = select(analyses.c.points).where(analyses.c.trial == trial).order_by(analyses.c.id)
    if since is not None:
        query = query.where(analyses.c.at >= since)
    return tuple(Point.model_validate(one) for kept in transaction.execute(query).scalars() for one in kept)


def conclude(transaction: Transaction, trial: str, verdict: Concluded) -> None:
    """Keep a verdict."""
    transaction.execute(insert(verdicts).values(trial=trial, verdict=verdict.model_dump(mode="json")))


def conclusions(transaction: Transaction, trial: str, limit: int = 100) -> tuple[Concluded, ...]:
    """The last verdicts, newest first."""
    query = select(verdicts.c.verdict).where(verdicts.c.trial == trial).order_by(verdicts.c.id.desc()).limit(limit)
    return tuple(Concluded.model_validate(one) for one in transaction.execute(query).scalars())
