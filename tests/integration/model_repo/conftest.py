"""A tiny encoder that torch makes and torch's exporter translates, once: each takes seconds."""

from pathlib import Path

import pytest

from tests.integration.model_repo import tiny
from tests.integration.model_repo.tiny import Exported


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a BERT that takes no time."""
    return tiny.write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def exported(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The same as ONNX."""
    return tiny.export(tiny_encoder, tmp_path_factory.mktemp("onnx"))
