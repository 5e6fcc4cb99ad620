"""Heads: the last revision of every document, kept in memory and caught up rather than read anew."""

from collections.abc import Mapping

from control_plane.spec.names import Key
from control_plane.spec.records import Revision
from control_plane.store import revisions
from control_plane.store.database import Transaction


class Heads:
    """Rows are only added, and writers take turns: what was written after the last revision seen is all that is new."""

    def __init__(self) -> None:
        self._last = 0
        self._heads: dict[Key, Revision] = {}

    def at(self, transaction: Transaction) -> Mapping[Key, Revision]:
        """The heads as a writing transaction finds them. Ask before it writes: what it takes back is never kept."""
        if not self._last:
            self._heads = revisions.heads(transaction)
            self._last = max((head.id for head in self._heads.values()), default=0)
        elif news := revisions.since(transaction, self._last):
            self._heads = {**self._heads, **{one.key: one for one in news}}
            self._last = news[-1].id
        return self._heads
