"""Processes pinned to one core, and what they and their core's other users cost, as /proc knows it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from control_plane.spec.errors import Code, TiermeshError

_STOP_SECONDS = 5.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PRIORITY = -10
"""Nice value asked for, so that a desktop's other programs disturb less. Only root gets it; others measure without."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where: what is measured has a core of its own."""

    gateway: int
    load: int
    keepers: tuple[int, ...] = ()
    """The process on each, the gateway's first, that keeps it awake."""

    @classmethod
    def available(cls) -> "Cores":
        """The first and the last core this process may use. Raises TiermeshError(SETUP) where there is only one."""
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2:
            message = "The benchmark needs two cores: one for what is measured, one for the load."
            raise TiermeshError(Code.SETUP, message, "Run it on a machine, or with a taskset, of at least two.")
        return cls(allowed[0], allowed[-1])


@contextlib.contextmanager
def kept_awake(cores: Cores) -> Iterator[Cores]:
    """Both cores with something to do whenever nobody else has, which gives way at once.

    A virtual machine's core that has nothing to do goes back to the host. Whoever wakes it waits for the host: up to a
    third of the time to a first token, which is neither the gateway's nor the same from one hour to the next.
    """
    with contextlib.ExitStack() as stack:
        # Tied to this process: nothing else would ever end it.
        command = [sys.executable, "-m", "launcher.tether", str(os.getpid()), sys.executable, "-c", "while True: pass"]
        keepers = [stack.enter_context(running(command, core)).pid for core in (cores.gateway, cores.load)]
        for pid in keepers:
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
        yield replace(cores, keepers=tuple(keepers))


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    core: int | None,
    *,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """A process on one core, or any; its standard output as text, its errors in `log`. It and its children end here."""
    with contextlib.ExitStack() as files:
        errors = files.enter_context(log.open("w")) if log else None
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env)
        # Threads and children that come later inherit both.
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _PRIORITY)
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    family = tree(process.pid)
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
    if process.stdout:
        process.stdout.close()


def tree(root: int) -> frozenset[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # PID (NAME) STATE PARENT …; a name may hold blanks and brackets.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found, new = {root}, [root]
    while new:
        new = children.get(new.pop(), []) + new
        found.update(new)
    return frozenset(found)


def cpu_seconds(pids: Iterable[int]) -> float:
    """What the threads of these processes have run so far, to the nanosecond (the scheduler's own account)."""
    nanoseconds = 0
    for pid in pids:
        for account in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                nanoseconds += int(account.read_text().split()[0])
    return nanoseconds / 1e9


def resident_mb(pids: Iterable[int]) -> float:
    """Resident memory in 10^6 bytes. Pages that two of the processes share count twice: an upper bound."""
    kib = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
            kib += int(found[1]) if found else 0
    return kib * 1024 / 1e6


def busy_seconds(core: int, keepers: Iterable[int] = ()) -> float:
    """How long a core has been busy since boot, whoever used it but for these `keepers` of it: all of /proc/stat but
    idle and waiting for disks."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, ticks[:8])
            return (user + nice + system + irq + softirq + steal) / _TICKS - cpu_seconds(keepers)
    raise TiermeshError(Code.SETUP, f"/proc/stat does not know core {core}.", "Run the benchmark on Linux.")
