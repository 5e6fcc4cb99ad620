"""Evidence: what this router itself still knows of its answers. All there is where no control plane keeps it."""

from collections import OrderedDict
from collections.abc import Callable

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import Snapshot
from routers.journal import Journal

KEPT_SNAPSHOTS = 8
"""Of a file of documents, whose snapshots nobody else keeps. A control plane keeps all of its own."""


class Evidence:
    """Recent decisions and the snapshots that they were made by."""

    def __init__(self, journal: Journal, flush: Callable[[], None], kept_snapshots: int) -> None:
        """`flush` brings the journal up to this moment; `kept_snapshots` is at least 1, the one in force."""
        self._journal = journal
        self._flush = flush
        self._kept = kept_snapshots
        self._snapshots: OrderedDict[int, Snapshot] = OrderedDict()

    def follow(self, snapshot: Snapshot) -> None:
        """A snapshot comes into force."""
        self._snapshots[snapshot.number] = snapshot
        self._snapshots.move_to_end(snapshot.number)
        while len(self._snapshots) > self._kept:
            self._snapshots.popitem(last=False)

    def decisions(self, request_id: str) -> bytes:
        """The records of a request, as JSON, newest first. Raises TiermeshError(NOT_FOUND)."""
        self._flush()
        found = self._journal.find(request_id)
        if not found:
            message = f"This router remembers no answer to a request {request_id[:128]!r}."
            hint = "It keeps the last ones alone; one that was refused before a decision has none."
            raise TiermeshError(Code.NOT_FOUND, message, hint)
        return b'{"items":[%b]}' % b",".join(found)

    def snapshot(self, number: str) -> bytes:
        """A snapshot by its number, or `latest`, as JSON. Raises TiermeshError(NOT_FOUND)."""
        for snapshot in reversed(self._snapshots.values()):
            if number in ("latest", str(snapshot.number)):
                return snapshot.model_dump_json().encode()
        message = f"This router has no snapshot {number[:32]!r}."
        raise TiermeshError(Code.NOT_FOUND, message, f"It has {', '.join(map(str, self._snapshots)) or 'none yet'}.")
