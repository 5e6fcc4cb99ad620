"""A control plane that really listens, in a thread of the test's process."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from control_plane.client.http import Client
from control_plane.server import Addresses, serve
from control_plane.settings import ControlPlaneSettings
from control_plane.store.database import Database


@contextmanager
def _serving(settings: ControlPlaneSettings) -> Iterator[tuple[Addresses, threading.Thread]]:
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
    with _serving(settings) as (addresses, thread):
        yield addresses
    thread.join()


@pytest.fixture(scope="session")
def ending() -> Iterator[list[threading.Thread]]:
    """Servers that are told to end; the next test does not wait for them, as it has a folder and ports of its own."""
    threads: list[threading.Thread] = []
    yield threads
    for thread in threads:
        thread.join()


@pytest.fixture
def settings(tmp_path: Path) -> ControlPlaneSettings:
    """Free ports and a folder of the test's own."""
    return ControlPlaneSettings.load(home=tmp_path / "home", port=0, admin_port=0)


@pytest.fixture
def addresses(settings: ControlPlaneSettings, ending: list[threading.Thread]) -> Iterator[Addresses]:
    """Where a running control plane listens."""
    with _serving(settings) as (found, thread):
        yield found
    ending.append(thread)


@pytest.fixture
def client(addresses: Addresses) -> Iterator[Client]:
    """A client of the running control plane."""
    with Client(addresses.api) as connected:
        yield connected


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database with today's schema."""
    made = Database(f"sqlite:///{tmp_path / 'test.db'}")
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def api(addresses: Addresses) -> Iterator[httpx2.Client]:
    """A plain HTTP client of the running control plane's API."""
    with _plain(addresses.api) as connected:
        yield connected


@pytest.fixture(scope="session")
def quiet_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """The API of a control plane that all tests share: for requests that are refused, and so leave nothing."""
    settings = ControlPlaneSettings.load(home=tmp_path_factory.mktemp("quiet"), port=0, admin_port=0)
    with running(settings) as found, _plain(found.api) as connected:
        yield connected


def _plain(url: str) -> httpx2.Client:
    # Without TLS there is nothing to verify, and the machine's certificates take long to read.
    return httpx2.Client(base_url=url, trust_env=False, timeout=30, verify=False)
