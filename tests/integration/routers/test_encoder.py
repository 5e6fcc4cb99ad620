"""The encoder says which characters it cannot read."""

import numpy as np

from routers.embedding import ENCODER
from routers.encoder import NanoEncoder


def test_an_english_encoder_knows_that_it_cannot_read_chinese() -> None:
    english = NanoEncoder("enpt")
    assert english.knows("Where is my order?")
    assert not english.knows("我的订单在哪里")
    assert not english.knows("Where is my 订单?")


def test_the_encoder_of_all_languages_reads_both_and_gives_unit_vectors() -> None:
    encoder = NanoEncoder()
    assert encoder.name == ENCODER
    assert encoder.knows("Where is my 订单?")
    assert not encoder.knows("\ue000")
    vectors = encoder.embed(["Where is my order?", "我的订单在哪里", "a\0b"])
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
