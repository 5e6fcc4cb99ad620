"""A process is asked to end, given time, and killed; what it shared is removed."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from launcher.endings import end
from launcher.identities import Identity, alive, descendants, identify

POLITE = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\nprint(flush=True)\nsignal.pause()"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(flush=True)\nsignal.pause()"
SHARING = """
import mmap, signal, sys
with open(sys.argv[1], "w+b") as file:
    file.truncate(4096)
    kept = mmap.mmap(file.fileno(), 4096)
print(flush=True)
signal.pause()
"""


@asynccontextmanager
async def running(source: str, *arguments: str) -> AsyncIterator[tuple[Process, Identity]]:
    """A process that has said it is under way; killed at the end of the block."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", source, *arguments, stdout=PIPE)
    try:
        assert process.stdout
        await process.stdout.readline()
        identity = identify(process.pid)
        assert identity
        yield process, identity
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def none() -> list[Identity]:
    return []


async def test_a_process_that_ends_when_asked_is_not_killed() -> None:
    async with running(POLITE) as (process, identity):
        assert await end(identity, none, grace_seconds=60) == []
        assert await process.wait() == 7


async def test_a_process_that_does_not_end_in_time_is_killed() -> None:
    async with running(STUBBORN) as (process, identity):
        assert await end(identity, none, grace_seconds=0.05) == []
        assert await process.wait() == -9


async def test_hurry_cuts_the_grace_short() -> None:
    hurry = asyncio.Event()
    async with running(STUBBORN) as (process, identity):
        ending = asyncio.create_task(end(identity, none, grace_seconds=3600, hurry=hurry))
        await asyncio.sleep(0)
        hurry.set()
        assert await ending == []
        assert await process.wait() == -9


async def test_relatives_that_appear_while_the_leader_ends_are_ended_too() -> None:
    async with AsyncExitStack() as stack:
        _, leader = await stack.enter_async_context(running(POLITE))
        _, late = await stack.enter_async_context(running(POLITE))
        assert await end(leader, lambda: [] if alive(leader) else [late], grace_seconds=60) == []
        assert not alive(late)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="this system has no /dev/shm")
async def test_shared_memory_of_a_killed_process_is_removed() -> None:
    file = Path("/dev/shm") / f"tiermesh-test-{uuid4().hex}"
    async with running(SHARING, str(file)) as (_, identity):
        await end(identity, lambda: descendants(identity), grace_seconds=60)
    assert not file.exists()
