"""The small model's weights: converting them takes a while, so that it is done once in a run."""

import os
from pathlib import Path

import pytest

from model_repo import sources

SMOLLM2 = "bundled://smollm2-135m-instruct"


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their folder, one for all processes that run the tests. A converted copy in TIERMESH_HOME is the same bytes."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    home = os.environ.get("TIERMESH_HOME")
    return sources.folder(SMOLLM2, Path(home) if home else folder / "converted")
