"""Rollouts in the database: how far each is, and all that was ever decided of it."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from control_plane.spec.courses import Course, Decision
from control_plane.store.database import Transaction
from control_plane.store.tables import course_history, courses


class Stored(NamedTuple):
    """A course, and how often it was written: who decides on what it read finds out whether somebody was faster."""

    turn: int
    course: Course


def read(transaction: Transaction) -> Mapping[str, Stored]:
    """All of them, by the Rollout's qualified name."""
    return {row.rollout: Stored(row.turn, Course.model_validate(row.course)) for row in transaction.execute(_ALL)}


def get(transaction: Transaction, rollout: str) -> Stored | None:
    """One, if anything was ever done of it."""
    row = transaction.execute(_ALL.where(courses.c.rollout == rollout)).first()
    return None if row is None else Stored(row.turn, Course.model_validate(row.course))


def put(transaction: Transaction, rollout: str, course: Course) -> None:
    """Write down how far it is."""
    said = course.model_dump(mode="json")
    changed = update(courses).where(courses.c.rollout == rollout).values(turn=courses.c.turn + 1, course=said)
    if not transaction.execute(changed).rowcount:
        transaction.execute(insert(courses).values(rollout=rollout, turn=1, course=said))


def forget(transaction: Transaction, rollout: str) -> None:
    """Its document is gone. What was decided of it stays."""
    transaction.execute(delete(courses).where(courses.c.rollout == rollout))


def note(transaction: Transaction, rollout: str, decision: Decision) -> None:
    """Write a decision down."""
    transaction.execute(insert(course_history).values(rollout=rollout, decision=decision.model_dump(mode="json")))


def history(transaction: Transaction, rollout: str, limit: int = 100) -> tuple[Decision, ...]:
    """The last decisions, newest first."""
    query = select(course_history.c.decision).where(course_history.c.rollout == rollout)
    found = transaction.execute(query.order_by(course_history.c.id.desc()).limit(limit)).scalars()
    return tuple(Decision.model_validate(one) for one in found)


_ALL = select(courses)
