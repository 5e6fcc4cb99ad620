"""Settled: what files hold, read only while nobody writes to them.

A file that is written anew in place is empty first and then half there, and half of a YAML list is YAML: what is read
says nothing of whether it is whole. So a change counts once two looks, an interval apart, saw the same.
"""

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


def stamp(found: os.stat_result) -> Hashable:
    """What is another where a file was written, replaced, or its permissions were changed: time, size and inode."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@dataclass(slots=True)
class Settled(Generic[T]):
    """Files that are followed: each state of theirs that lasts is read once."""

    look: Callable[[], Hashable]
    """The stamps of all files."""
    read: Callable[[], T]
    _seen: Hashable = field(default=None, init=False)
    _taken: Hashable = field(default=None, init=False)
    """The state that was read last, with whatever success."""

    def next(self) -> T | None:
        """What the files hold, where that is settled and another state than was read before; else None.

        To be called once an interval. The first look counts at once: there is nothing yet that it could take away.
        Raises what `look` and `read` raise.
        """
        looked = self.look()
        settled = looked == self._seen or self._taken is None
        self._seen = looked
        if not settled or looked == self._taken:
            return None
        self._taken = looked
        found = self.read()
        return found if self.look() == looked else None
