"""Encoders, loaded once: a real one takes 0.2 s and its answers are what is to be tested; a tiny one is exported."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from model_repo.faq.encoder import Encoder
from model_repo.faq.nano_encoder import NanoEncoder

if TYPE_CHECKING:
    from tests.unit.model_repo.tiny import Exported


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return NanoEncoder()


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a BERT that takes no time."""
    from tests.unit.model_repo import tiny  # deferred: torch takes seconds to import, and few tests need it

    return tiny.write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def exported(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> "Exported":
    """The same as ONNX."""
    from tests.unit.model_repo import tiny

    return tiny.export(tiny_encoder, tmp_path_factory.mktemp("onnx"))
