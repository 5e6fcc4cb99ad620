"""A control plane that really listens, in a thread of the test's process."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from control_plane.server import Addresses, serve
from control_plane.settings import ControlPlaneSettings


@contextmanager
def serving(settings: ControlPlaneSettings) -> Iterator[tuple[Addresses, threading.Thread]]:
    """Serve as long as the block runs; the thread goes on until the server has ended, which takes it 0.2 s."""
    listening: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Event, Addresses]] = queue.SimpleQueue()

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        await serve(settings, stop, lambda addresses: listening.put((loop, stop, addresses)))

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    loop, stop, addresses = listening.get(timeout=30)
    try:
        yield addresses, thread
    finally:
        loop.call_soon_threadsafe(stop.set)


@contextmanager
def running(settings: ControlPlaneSettings) -> Iterator[Addresses]:
    """Serve as long as the block runs, and leave nothing behind."""
    with serving(settings) as (addresses, thread):
        yield addresses
    thread.join()
