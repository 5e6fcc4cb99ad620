"""Who a process is: its id and when it started, so that a recycled id is never taken for it."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, unmistakably."""

    pid: int
    started: str
    """Opaque; equal for equal processes, across reboots and changes of the clock."""


def identify(pid: int) -> Identity | None:
    """Who has this id now, or None where nobody does. A zombie is nobody: it only waits to be counted."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid, _ticks(pid) or f"{process.create_time():.2f}")
    except (psutil.Error, OSError):
        return None


def alive(identity: Identity) -> bool:
    """Whether this very process still runs."""
    return identify(identity.pid) == identity


def signal(identity: Identity, number: int) -> None:
    """Send a signal to this very process; to nobody where it has ended."""
    if alive(identity):
        try:
            os.kill(identity.pid, number)
        except ProcessLookupError:
            return


def descendants(identity: Identity) -> list[Identity]:
    """All children of this very process and theirs, in no order."""
    if not alive(identity):
        return []
    try:
        children = psutil.Process(identity.pid).children(recursive=True)
    except psutil.Error:
        return []
    return [found for child in children if (found := identify(child.pid))]


def _ticks(pid: int) -> str | None:
    """Linux counts a start in ticks since boot: unlike a date, that does not move when the clock is set."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    return f"{boot}/{fields[19]}"
