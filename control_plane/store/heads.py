"""Heads: the last revision of every document, kept in memory and caught up rather than read anew."""

from collections.abc import Iterable, Mapping, Sequence

from control_plane.spec.names import Key
from control_plane.spec.records import Revision
from control_plane.store import revisions
from control_plane.store.database import Transaction


class Heads:
    """Rows are only added, and writers take turns: what was written after the last revision seen is all that is new."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._heads: dict[Key, Revision] = {}
        self._written: tuple[Revision, ...] = ()

    def at(self, transaction: Transaction) -> Mapping[Key, Revision]:
        """The heads as a writing transaction finds them. Ask before it writes: what it takes back is never kept."""
        if self._last is None:
            self._heads = revisions.heads(transaction)
            self._last = max((head.id for head in self._heads.values()), default=0)
        elif revisions.are_all_since(transaction, self._last, self._written):
            self._follow(self._written)
        else:
            self._follow(revisions.since(transaction, self._last))
        self._written = ()
        return self._heads

    def expect(self, written: Iterable[Revision]) -> None:
        """What a transaction writes and may yet take back: the next one looks whether it is there, and need not read
        it."""
        self._written = tuple(written)

    def _follow(self, news: Sequence[Revision]) -> None:
        if news:
            self._heads = {**self._heads, **{one.key: one for one in news}}
            self._last = news[-1].id
