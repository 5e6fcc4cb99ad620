"""The audit in the database: entries are added, one after the other, and never touched again."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Select, insert, select, update

from control_plane.audit import GENESIS, cleaned, link
from control_plane.spec.audit import Anchor, AuditEntry, Deed
from control_plane.spec.names import qualified
from control_plane.spec.records import Change, Outcome
from control_plane.store.database import Transaction
from control_plane.store.provenance import Provenance
from control_plane.store.rows import record
from control_plane.store.tables import audit, audit_head

_AT_ONCE = 1000
_MOST_NAMED = 100
"""Documents of one write that its entry names; the revisions name them all."""


def append(transaction: Transaction, deed: Deed) -> AuditEntry:
    """Write a deed down behind the last one, in the transaction that does it.

    The head's row is locked until the transaction ends, so that of several writers each follows the one before.
    """
    entry = link(_locked(transaction), cleaned(deed))
    values = entry.model_dump(by_alias=False) | {"what": list(entry.what)}
    transaction.execute(insert(audit).values(values))
    transaction.execute(update(audit_head).values(sequence=entry.sequence, sha256=entry.sha256))
    return entry


def written(
    transaction: Transaction,
    action: str,
    by: Provenance,
    changes: Iterable[Change],
    snapshot: int | None,
    also: Iterable[str] = (),
) -> AuditEntry:
    """Write down what a write did to documents and `also` did, in the transaction that does it."""
    changed = [one for one in changes if one.outcome is not Outcome.UNCHANGED]
    what = [
        f"{one.kind}/{qualified(one.namespace, one.name)} generation {one.generation} {one.outcome}"
        for one in changed[:_MOST_NAMED]
    ]
    if len(changed) > _MOST_NAMED:
        what.append(f"and {len(changed) - _MOST_NAMED} more, of the same moment and author")
    what += also
    deed = Deed(
        at=by.at,
        who=by.author,
        via=by.origin.via,
        address=by.origin.address,
        action=action,
        what=tuple(what),
        reason=by.reason,
        snapshot=snapshot,
    )
    return append(transaction, deed)


def head(transaction: Transaction) -> Anchor:
    """The last entry, as it is kept beside the entries: what tells that their end was cut off."""
    row = transaction.execute(_HEAD).first()
    return Anchor.model_construct(**row._mapping) if row else GENESIS  # whatever stands there: it need only differ


def some(transaction: Transaction, before: int | None, after: int | None, limit: int) -> list[AuditEntry]:
    """At most `limit` entries with numbers below `before` and above `after`: newest first unless `after` is given."""
    query = select(audit).order_by(audit.c.sequence.desc() if after is None else audit.c.sequence).limit(limit)
    if before is not None:
        query = query.where(audit.c.sequence < before)
    return _entries(transaction, query if after is None else query.where(audit.c.sequence > after))


def every(transaction: Transaction) -> Iterator[AuditEntry | None]:
    """All entries, oldest first; None for one that holds what no entry can."""
    numbers = transaction.execute(select(audit.c.sequence).order_by(audit.c.sequence)).scalars().all()
    for start in range(0, len(numbers), _AT_ONCE):
        batch = numbers[start : start + _AT_ONCE]
        try:
            yield from _between(transaction, batch[0], batch[-1])
        except ValueError:
            for number in batch:
                yield _readable(transaction, number)


_HEAD = select(audit_head.c.sequence, audit_head.c.sha256)


def _locked(transaction: Transaction) -> Anchor:
    return record(Anchor, transaction.execute(_HEAD.with_for_update()).one())


def _between(transaction: Transaction, first: int, last: int) -> list[AuditEntry]:
    query = select(audit).where(audit.c.sequence.between(first, last)).order_by(audit.c.sequence)
    return _entries(transaction, query)


def _readable(transaction: Transaction, number: int) -> AuditEntry | None:
    try:
        return _between(transaction, number, number)[0]
    except ValueError:
        return None


def _entries(transaction: Transaction, query: Select[tuple[object, ...]]) -> list[AuditEntry]:
    return [record(AuditEntry, row) for row in transaction.execute(query)]
