"""A real MLflow registry: its schema takes seconds to make, so it is made once and copied."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_MAKE = """
import sys
from control_plane.prompts.connection import Connection
Connection(sys.argv[1], 5).ask(lambda client: client.search_registered_models(max_results=1))
"""


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with MLflow's schema and nothing in it; one for all processes that run the tests.

    A process of its own makes it: Alembic, by which MLflow does, is for one thread of a process.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    file = folder / "mlflow-empty.db"
    with (folder / "mlflow-empty.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            partial = file.with_suffix(".partial")
            subprocess.run([sys.executable, "-c", _MAKE, f"sqlite:///{partial}"], check=True, timeout=120)
            partial.rename(file)
    return file


def copied(empty: Path, folder: Path) -> str:
    """The URL of a registry of the test's own, as a control plane with that home finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(empty, folder / "mlflow.db")
    return f"sqlite:///{folder / 'mlflow.db'}"
