"""One running process of the mesh."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from launcher.identities import Identity, identify
from launcher.kin import MARK
from launcher.processes import Process

_TETHER = str(Path(__file__).with_name("tether.py"))


@dataclass(frozen=True, slots=True)
class Child:
    """A process that this one started."""

    process: Process
    identity: Identity
    started_at: float
    """Seconds since the epoch."""
    handle: asyncio.subprocess.Process

    async def ended(self) -> str:
        """Wait for its end. Returns how it ended, for people."""
        code = await self.handle.wait()
        return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


async def start(process: Process) -> Child:
    """Start a process in a session of its own, so that the terminal's Ctrl-C reaches the launcher alone."""
    for file in process.stale:
        file.unlink(missing_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in process.without}
    process.log.parent.mkdir(parents=True, exist_ok=True)
    with process.log.open("ab") as log:
        handle = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _TETHER, str(os.getpid()), *process.argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=kept | dict(process.environment) | {MARK: process.name},
        )
    # One that has ended already is an identity that nothing alive is equal to.
    identity = identify(handle.pid) or Identity(handle.pid, "ended")
    return Child(process, identity, time.time(), handle)
