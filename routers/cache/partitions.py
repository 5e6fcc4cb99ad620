"""Partitions of the semantic cache: each is made when somebody first asks, and bounded are all together. No I/O, no
clock. Not for several threads at once."""

import zlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from control_plane.spec.routes import SemanticCache as Policy
from routers.cache.exact import Answer
from routers.cache.guard import Promise
from routers.cache.partition import Partition
from routers.cache.questions import Owner

MOST_PARTITIONS = 64
"""Whoever varies what a partition is made of, say `max_tokens`, makes new ones; the least recently used go first."""


class Scope(NamedTuple):
    """Which partition, whose it is, and what its Route promises."""

    key: bytes
    """Of 32 bytes; see `routers.cache.questions.read`."""
    owner: Owner
    policy: Policy


class Owned(NamedTuple):
    """A partition, and what it is of."""

    scope: Scope
    partition: Partition[Answer]


class Partitions:
    """By their keys, the least recently used first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._owned: OrderedDict[bytes, Owned] = OrderedDict()

    def __iter__(self) -> Iterator[Owned]:
        """All there are at this moment; also from another thread."""
        return iter(tuple(self._owned.values()))

    def find(self, key: bytes) -> Owned | None:
        """One that there is."""
        return self._owned.get(key)

    def use(self, scope: Scope, width: int) -> Partition[Answer]:
        """One, made where there is none. One that promises otherwise than its scope (somebody else has said what it
        promises, and not the Route) makes room for another."""
        owned = self._owned.get(scope.key)
        if owned is None or owned.scope != scope:
            promise = Promise(scope.policy.max_error_rate, scope.policy.confidence)
            made: Partition[Answer] = Partition(promise, width, zlib.crc32(scope.key), self._max_bytes)
            owned = self._owned[scope.key] = Owned(scope, made)
            if len(self._owned) > MOST_PARTITIONS:
                self._owned.popitem(last=False)
        self._owned.move_to_end(scope.key)
        return owned.partition

    def shrink(self) -> None:
        """Let the least recently used go, while all together are too large."""
        size_bytes = sum(owned.partition.size_bytes for owned in self)
        while size_bytes > self._max_bytes and len(self._owned) > 1:
            _, dropped = self._owned.popitem(last=False)
            size_bytes -= dropped.partition.size_bytes

    def purge(self, route: str | None, shared_alone: bool = False) -> int:
        """Forget those of a Route, or with None all; or of these those alone that other routers have had a part in.
        Returns how many answers that were."""
        named = [owned for owned in self if route in (None, owned.scope.owner.route)]
        named = [owned for owned in named if owned.partition.shared or not shared_alone]
        for owned in named:
            del self._owned[owned.scope.key]
        return sum(len(owned.partition) for owned in named)
