"""Approvals: requests that wait for a second person, and what became of them."""

from typing import Any

from sqlalchemy import insert, select, update

from control_plane.spec.approvals import Approval, State
from control_plane.store.database import Transaction
from control_plane.store.provenance import Provenance
from control_plane.store.rows import record
from control_plane.store.tables import approvals


def newest(transaction: Transaction, state: State | None, limit: int) -> list[Approval]:
    """At most `limit` requests in a state, or in any; newest first."""
    query = select(approvals).order_by(approvals.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(approvals.c.state == state.value)
    return [record(Approval, row) for row in transaction.execute(query)]


def get(transaction: Transaction, number: int) -> Approval | None:
    """The request of that number, or None."""
    row = transaction.execute(select(approvals).where(approvals.c.id == number)).first()
    return None if row is None else record(Approval, row)


def request(transaction: Transaction, kind: str, subject: dict[str, Any], summary: str, by: Provenance) -> Approval:
    """Write a request down; the one that waits for the same already, where there is one."""
    query = select(approvals).where(approvals.c.kind == kind, approvals.c.state == State.PENDING.value)
    for row in transaction.execute(query):
        if row.subject == subject:
            return record(Approval, row)
    values = {
        "kind": kind,
        "subject": subject,
        "summary": summary,
        "requested_by": by.author,
        "reason": by.reason,
        "requested_at": by.at,
        "state": State.PENDING.value,
    }
    identity = transaction.execute(insert(approvals).values(values)).inserted_primary_key
    assert identity is not None  # SQLAlchemy's type for the general case: this insert has a key
    return record(Approval, {**values, "id": identity[0]})


def decide(transaction: Transaction, number: int, state: State, by: Provenance) -> bool:
    """Whether it was still waiting, and is decided now."""
    decided = {"state": state.value, "decided_by": by.author, "note": by.reason, "decided_at": by.at}
    waiting = (approvals.c.id == number) & (approvals.c.state == State.PENDING.value)
    return transaction.execute(update(approvals).where(waiting).values(decided)).rowcount == 1
