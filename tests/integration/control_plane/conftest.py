"""Control planes that really listen, and their clients."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from control_plane.client.http import Client
from control_plane.server import Addresses
from control_plane.settings import ControlPlaneSettings
from tests.control_plane_server import running, serving
from tests.unit.control_plane.conftest import database as database
from tests.unit.control_plane.conftest import empty_database as empty_database


@pytest.fixture
def settings(tmp_path: Path, empty_database: Path) -> ControlPlaneSettings:
    """Free ports, and a folder of the test's own with a database that has today's schema."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(empty_database, home / "control-plane.db")
    return ControlPlaneSettings.load(home=home, port=0, admin_port=0)


@pytest.fixture(scope="session")
def ending() -> Iterator[list[threading.Thread]]:
    """Servers that are told to end; the next test does not wait for them, as it has a folder and ports of its own."""
    threads: list[threading.Thread] = []
    yield threads
    for thread in threads:
        thread.join()


@pytest.fixture
def addresses(settings: ControlPlaneSettings, ending: list[threading.Thread]) -> Iterator[Addresses]:
    """Where a running control plane listens."""
    with serving(settings) as (found, thread):
        yield found
    ending.append(thread)


@pytest.fixture
def client(addresses: Addresses) -> Iterator[Client]:
    """A client of the running control plane."""
    with Client(addresses.api) as connected:
        yield connected


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
