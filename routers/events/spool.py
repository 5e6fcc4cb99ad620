"""Spool: the numbered events of one process, in segments in a folder of their own.

A process never writes to the spool of another one, so that no number is given twice: not even where a machine fell and
its disk has less than the control plane was sent. What an earlier process left is sent, and goes.
"""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

from routers.events.segment import Batch, Segment

SEGMENT_BYTES = 4 * 1024 * 1024
_LOCK = "lock"


class Spool:
    """Not for several threads at once. Methods raise OSError where the disk does not do as it should."""

    def __init__(self, folder: Path) -> None:
        """Take the folder. Raises BlockingIOError where it is that of a living process."""
        self.folder = folder
        self._lock = (folder / _LOCK).open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise
        self._segments = Segment.all_in(folder)
        self._next = self._segments[-1].after if self._segments else 1
        self._open: FileIO | None = None

    @classmethod
    def made(cls, folder: Path) -> "Spool":
        """A new one."""
        made = folder / secrets.token_hex(16)
        made.mkdir(parents=True)
        return cls(made)

    @property
    def id(self) -> str:
        """By which the control plane knows it."""
        return self.folder.name

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(segment.size for segment in self._segments)

    @property
    def waiting(self) -> int:
        """Events that have not arrived."""
        return sum(segment.waiting for segment in self._segments)

    def write(self, events: Sequence[bytes], segment_bytes: int = SEGMENT_BYTES) -> None:
        """Number events and put them on the disk, all or none."""
        segment = self._segments[-1] if self._open else None
        if segment is None or segment.size >= segment_bytes:
            segment = self._begin()
        assert self._open is not None
        lines = b"".join([event + b"\n" for event in events])
        try:
            if self._open.write(lines) < len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(self._open.fileno())
        except OSError:
            # What came of it stands behind the segment's end; the next one has its numbers.
            self._end()
            if not segment.count:
                self._segments.remove(segment)
            raise
        segment.count += len(events)
        segment.size += len(lines)
        self._next += len(events)

    def read(self, most: int, most_bytes: int) -> Batch | None:
        """The oldest events that have not arrived, of one segment; None where all have."""
        for segment in self._segments:
            if segment.waiting:
                return segment.read(self.id, most, most_bytes)
        return None

    def arrive(self, batch: Batch) -> None:
        """What was read has been counted. A segment of which all has goes, once it is full."""
        for segment in list(self._segments):
            if segment.first <= batch.first < segment.after:
                segment.arrive(batch)
                if not segment.waiting and not (self._open and segment is self._segments[-1]):
                    self._remove(segment)

    def drop(self) -> int:
        """Give the oldest segment up. Returns how many events of it have not arrived."""
        segment = self._segments[0]
        if self._open and len(self._segments) == 1:
            self._end()
        self._remove(segment)
        return segment.waiting

    def close(self) -> None:
        """Let go of it; an empty one goes."""
        self._end()
        self._lock.close()
        if not self.waiting:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _begin(self) -> Segment:
        self._end()
        segment = Segment.named(self.folder, self._next)
        self._open = segment.path.open("wb", buffering=0)
        self._segments.append(segment)
        return segment

    def _end(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _remove(self, segment: Segment) -> None:
        self._segments.remove(segment)
        segment.path.unlink(missing_ok=True)
