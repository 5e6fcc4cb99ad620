"""The shelf: what lies in the stream that routers share, as far as one of them has seen. Pure.

Every router sees the whole stream, so each knows what has to go, and may take it away: twice does no harm.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple


class Lying(NamedTuple):
    """A record in the stream."""

    size_bytes: int
    expires_at: float
    """In Unix seconds."""
    route: str | None
    """The Route that it is purged with; None: with none."""


class Shelf:
    """Records by their ids, the oldest first. Bounded in bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lying: OrderedDict[bytes, Lying] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._lying)

    def put(self, name: bytes, lying: Lying) -> None:
        """A record has been seen."""
        self._lying[name] = lying
        self.size_bytes += lying.size_bytes

    def overdue(self, now: float) -> list[bytes]:
        """Take away, and return, what is too old, and the oldest of what is too much."""
        old = self._take(name for name, lying in self._lying.items() if lying.expires_at <= now)
        while self.size_bytes > self._max_bytes:
            old += self._take([next(iter(self._lying))])
        return old

    def purge(self, route: str | None) -> list[bytes]:
        """Take away, and return, what is of a Route; with None all that is of any."""
        of_any = ((name, lying.route) for name, lying in self._lying.items() if lying.route is not None)
        return self._take(name for name, owner in of_any if route in (None, owner))

    def _take(self, names: Iterable[bytes]) -> list[bytes]:
        taken = list(names)
        for name in taken:
            self.size_bytes -= self._lying.pop(name).size_bytes
        return taken
