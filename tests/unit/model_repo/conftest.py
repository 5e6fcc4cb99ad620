"""The encoder, loaded once: a real one takes 0.2 s and its answers are what is to be tested."""

import pytest

from model_repo.faq.encoder import Encoder


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder()
