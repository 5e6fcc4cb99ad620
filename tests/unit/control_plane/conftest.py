"""A control plane's settings and its database."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane.settings import ControlPlaneSettings
from control_plane.store.database import Database


@pytest.fixture
def settings(tmp_path: Path) -> ControlPlaneSettings:
    """Free ports and a folder of the test's own."""
    return ControlPlaneSettings.load(home=tmp_path / "home", port=0, admin_port=0)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with today's schema and nothing in it: copying it takes a tenth of making it."""
    file = tmp_path_factory.mktemp("empty") / "empty.db"
    made = Database(f"sqlite:///{file}")
    made.migrate()
    made.close()
    return file


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Iterator[Database]:
    """An empty database with today's schema."""
    file = shutil.copy(empty_database, tmp_path / "test.db")
    opened = Database(f"sqlite:///{file}")
    yield opened
    opened.close()
