"""The real encoder, loaded once: it takes 0.2 s, and its answers are what is to be tested."""

import pytest

from model_repo.faq.encoder import Encoder
from model_repo.faq.nano_encoder import NanoEncoder


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return NanoEncoder()
