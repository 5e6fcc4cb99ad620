"""Segment: a file of numbered events, a line each. It is only added to, and goes as a whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson

_SUFFIX = ".jsonl"
_DAMAGED = b"{}"
"""In place of a line that a disk has spoilt: it keeps its number, and is refused as no event."""


class Batch(NamedTuple):
    """Events of one spool, in order and without a gap."""

    spool: str
    first: int
    """The number of the first one."""
    events: list[bytes]
    size: int
    """Of their lines on disk."""


@dataclass(slots=True)
class Segment:
    """What of the file is whole, and what of it has arrived."""

    path: Path
    first: int
    """The number of its first event."""
    count: int = 0
    size: int = 0
    arrived: int = 0
    arrived_bytes: int = 0

    @classmethod
    def named(cls, folder: Path, first: int) -> "Segment":
        """One that begins with this number."""
        return cls(folder / f"{first:020d}{_SUFFIX}", first)

    @classmethod
    def all_in(cls, folder: Path) -> "list[Segment]":
        """Those that a process left. A line that has no end was being written when it died, and is none."""
        found: list[Segment] = []
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            whole = path.read_bytes()
            whole = whole[: whole.rfind(b"\n") + 1]
            segment = cls(path, int(path.stem), whole.count(b"\n"), len(whole))
            if found and found[-1].after > segment.first:
                found[-1].cut(segment.first)
            found.append(segment)
        return found

    def cut(self, before: int) -> None:
        """A write failed halfway: what it left here stands again in the next segment."""
        self.count = before - self.first
        with self.path.open("rb") as file:
            self.size = sum(len(file.readline()) for _ in range(self.count))

    @property
    def after(self) -> int:
        """The number behind its last event."""
        return self.first + self.count

    @property
    def waiting(self) -> int:
        """Events that have not arrived."""
        return self.count - self.arrived

    def read(self, spool: str, most: int, most_bytes: int) -> Batch:
        """The next events that have not arrived: so many, and so many bytes, but one at least."""
        with self.path.open("rb") as file:
            file.seek(self.arrived_bytes)
            events: list[bytes] = []
            size = 0
            while len(events) < min(most, self.waiting):
                line = file.readline()
                if events and size + len(line) > most_bytes:
                    break
                size += len(line)
                events.append(_checked(line))
        return Batch(spool, self.first + self.arrived, events, size)

    def arrive(self, batch: Batch) -> None:
        """This has been counted."""
        self.arrived += len(batch.events)
        self.arrived_bytes += batch.size


def _checked(line: bytes) -> bytes:
    try:
        return line.rstrip(b"\n") if isinstance(orjson.loads(line), dict) else _DAMAGED
    except orjson.JSONDecodeError:
        return _DAMAGED
